"""deribit-wrapper, synchronous, over HTTP with tokens of named sessions, on the exchange."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.served_exchange import Account, ServedExchange

pytest.importorskip("deribit_wrapper")

from deribit_wrapper import DeribitClient
from deribit_wrapper.base import DeribitBase

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

NAME = "BTC-PERPETUAL"


@pytest.fixture(scope="module", params=["credentials", "signature"])
def client(request: pytest.FixtureRequest, exchange: ServedExchange, account: Account) -> Iterator[Any]:
    """The client, with each way to sign in; only its host is replaced."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(DeribitBase, "_DeribitBase__ENVS", {"prod": exchange.served.http})
        keys = {"client_id": account.client_id, "client_secret": account.client_secret}
        found = DeribitClient(auth_method=request.param, simulated=False, **keys)
        yield found
        found.close()


def test_market_is_read(client: Any) -> None:
    assert client.get_api_version()
    assert client.get_time() > 0
    assert "BTC" in client.currencies
    assert client.get_contract_size(NAME) == 10
    assert NAME in set(client.get_instruments("BTC", "future")["instrument_name"])
    assert client.get_kind(NAME) == "future"
    assert client.get_min_trade_amount(NAME) == 10
    assert client.get_ticker(NAME)["mark_price"] > 0
    assert client.mid_price(NAME) > 0
    assert client.get_first_future("BTC").startswith("BTC-")


def test_order_is_placed_and_cancelled(client: Any, exchange: ServedExchange) -> None:
    placed = client.order(NAME, 100, limit=exchange.price(0.99), label="wrapper")
    assert placed["order"]["order_state"] == "open"
    assert placed["order"]["order_id"] in set(client.get_open_orders()["order_id"])
    client.cancel_orders()
    assert client.get_open_orders().empty


def test_position_is_opened_read_and_closed(client: Any) -> None:
    bought = client.market_order(NAME, 100)
    assert bought["order"]["order_state"] == "filled"
    positions = client.get_positions("BTC")
    (size,) = positions[positions["instrument_name"] == NAME]["size"]
    assert size == 100
    trades = client.get_trade_by_order([bought["order"]["order_id"]])
    assert sum(trades["amount"]) == 100
    client.close_position(NAME)
    assert client.instrument_buy_margin(NAME, 100) > 0


def test_account_is_read(client: Any) -> None:
    (equity,) = client.get_account_summary("BTC")["equity"]
    assert equity > 0
    assert [*client.get_margin_model("BTC")["margin_model"]] == ["segregated_sm"]
    assert not client.list_api_keys().empty
    assert not client.get_subaccounts().empty
    now = datetime.now(UTC)
    log = client.get_transaction_log(now - timedelta(days=1), now, currency="BTC")
    assert not log.empty
