"""deribit-trading-sdk, which writes a slash before each method and validates answers, on the exchange."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.served_exchange import Account, ServedExchange
from tests.support.waiting import HANG_S

pytest.importorskip("deribit")

from deribit import Deribit

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "BTC-PERPETUAL"
NOTIFICATIONS = 300


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["ws", "http"])
async def client(
    request: pytest.FixtureRequest, secure_exchange: ServedExchange, secure_account: Account
) -> AsyncIterator[Any]:
    """The client, over each of its transports; only its host is replaced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(secure_exchange.certificate))
        patch.setattr("deribit.core.ws.auth.DERIBIT_MAINNET", secure_exchange.host)
        patch.setattr("deribit.core.client.DERIBIT_MAINNET", secure_exchange.host)
        keys = (secure_account.client_id, secure_account.client_secret)
        async with Deribit.new(*keys, protocol=request.param) as found:
            yield found


async def test_public_answers_are_valid(client: Any) -> None:
    instruments = (await client.get_instruments("BTC", kind="future"))["result"]
    assert NAME in {instrument["instrument_name"] for instrument in instruments}
    assert (await client.get_instrument(NAME))["result"]["kind"] == "future"
    book = (await client.get_order_book(NAME))["result"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (await client.get_index_price("btc_usd"))["result"]["index_price"] > 0
    assert (await client.get_last_trades_by_instrument(NAME))["result"]["trades"]


async def test_order_is_placed_edited_and_cancelled(client: Any, secure_exchange: ServedExchange) -> None:
    order = {"type": "limit", "amount": 100, "price": secure_exchange.price(0.99), "label": "sdk"}
    placed = (await client.buy(NAME, order))["result"]["order"]
    assert placed["order_state"] == "open"
    edited = await client.edit(placed["order_id"], amount="200", price=str(order["price"]))
    assert edited["result"]["order"]["amount"] == 200
    answer = await client.get_open_orders_by_instrument(NAME)
    assert placed["order_id"] in {each["order_id"] for each in answer["result"]}
    assert (await client.cancel(placed["order_id"]))["result"]["order_state"] == "cancelled"


async def test_account_is_read(client: Any) -> None:
    summary = (await client.get_account_summary("BTC"))["result"]
    assert summary["currency"] == "BTC"
    assert summary["equity"] > 0
    summaries = (await client.get_account_summaries())["result"]["summaries"]
    assert {"BTC", "USDC"} <= {each["currency"] for each in summaries}
    deposits = (await client.get_deposits("BTC"))["result"]
    assert [float(each["amount"]) for each in deposits["data"]] == [10.0]


async def test_hundreds_of_changes_of_a_book_are_valid_and_chained(client: Any) -> None:
    if not hasattr(client.client, "subscribe"):
        return
    snapshot, changes = await client.subscriptions.depth_updates(NAME)
    last = (await snapshot)["change_id"]
    async with asyncio.timeout(HANG_S):
        for _ in range(NOTIFICATIONS):
            change = await anext(changes)
            assert change["prev_change_id"] == last
            last = change["change_id"]


async def test_trades_and_own_orders_are_pushed(client: Any, secure_exchange: ServedExchange) -> None:
    if not hasattr(client.client, "subscribe"):
        return
    trades = aiter(client.subscriptions.trades(instrument_name=NAME))
    orders = aiter(client.subscriptions.user_orders(NAME))
    async with asyncio.timeout(HANG_S):
        heard = asyncio.create_task(anext(orders))
        assert (await anext(trades))[0]["price"] > 0
        placed = await client.buy(NAME, {"type": "market", "amount": 10})
        assert (await heard)["order_id"] == placed["result"]["order"]["order_id"]
