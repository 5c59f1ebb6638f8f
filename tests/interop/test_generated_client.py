"""deribit-v2-client, generated from Deribit's old OpenAPI document: GET, an empty Bearer token on public methods."""

import time
from typing import Any

import pytest

from tests.support.served_exchange import Account, ServedExchange

openapi_client = pytest.importorskip("openapi_client")

NAME = "BTC-PERPETUAL"


@pytest.fixture(scope="module")
def api(exchange: ServedExchange) -> Any:
    """Its client, with the host that its constructor takes; nobody has signed in."""
    configuration = openapi_client.Configuration(host=f"{exchange.served.http}/api/v2")
    return openapi_client.ApiClient(configuration)


@pytest.fixture(scope="module")
def signed_in(api: Any, exchange: ServedExchange, account: Account) -> Any:
    """Another, with the token that the first one got."""
    answer = openapi_client.AuthenticationApi(api).public_auth_get(
        "client_credentials", "", "", account.client_id, account.client_secret, "", 0, ""
    )
    token = answer["result"]["access_token"]
    configuration = openapi_client.Configuration(host=f"{exchange.served.http}/api/v2")
    configuration.access_token = token
    return openapi_client.ApiClient(configuration)


def test_public_methods_work_with_an_empty_token(api: Any) -> None:
    market = openapi_client.MarketDataApi(api)
    now = int(time.time() * 1000)
    answers = [
        market.public_get_book_summary_by_currency_get("BTC"),
        market.public_get_book_summary_by_instrument_get(NAME),
        market.public_get_contract_size_get(NAME),
        market.public_get_currencies_get(),
        market.public_get_funding_chart_data_get(NAME, length="8h"),
        market.public_get_historical_volatility_get("BTC"),
        market.public_get_index_get("BTC"),
        market.public_get_instruments_get("BTC"),
        market.public_get_last_settlements_by_currency_get("BTC"),
        market.public_get_last_settlements_by_instrument_get(NAME),
        market.public_get_last_trades_by_currency_get("BTC"),
        market.public_get_last_trades_by_currency_and_time_get("BTC", now - 60_000, now),
        market.public_get_last_trades_by_instrument_get(NAME),
        market.public_get_last_trades_by_instrument_and_time_get(NAME, now - 60_000, now),
        market.public_get_order_book_get(NAME),
        market.public_get_trade_volumes_get(),
        market.public_ticker_get(NAME),
        openapi_client.SupportingApi(api).public_get_time_get(),
        openapi_client.SupportingApi(api).public_test_get(),
    ]
    assert [sorted({"result", "error"} & {*answer}) for answer in answers] == [["result"]] * len(answers)


def test_order_is_placed_edited_and_cancelled(signed_in: Any, exchange: ServedExchange) -> None:
    trading = openapi_client.TradingApi(signed_in)
    price = exchange.price(0.99)
    placed = trading.private_buy_get(NAME, 100, type="limit", price=price)["result"]["order"]
    edited = trading.private_edit_get(placed["order_id"], 200, price)["result"]["order"]
    assert (edited["order_state"], edited["amount"]) == ("open", 200.0)
    answer = trading.private_get_open_orders_by_instrument_get(NAME)["result"]
    assert [order["order_id"] for order in answer] == [placed["order_id"]]
    cancelled = trading.private_cancel_get(placed["order_id"])["result"]
    assert cancelled["order_state"] == "cancelled"


def test_account_is_read(signed_in: Any) -> None:
    management = openapi_client.AccountManagementApi(signed_in)
    assert management.private_get_account_summary_get("BTC")["result"]["equity"] > 0
    assert management.private_get_positions_get("BTC")["result"] == []
    assert management.private_get_position_get(NAME)["result"]["size"] == 0
    assert management.private_get_subaccounts_get()["result"][0]["type"] == "main"
