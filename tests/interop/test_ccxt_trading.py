"""Every private method of ccxt.pro's Deribit class, unmodified, against `deltawire serve` with nothing given."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
import pytest_asyncio

from tests.support.ccxt_client import ccxt_deribit
from tests.support.served_exchange import Account, ServedExchange
from tests.support.waiting import HANG_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

SWAP, LINEAR = "BTC/USD:BTC", "BTC/USDC:USDC"


async def signed_in(client: Any, account: Account) -> None:
    """Give a client its key."""
    client.apiKey, client.secret = account.client_id, account.client_secret
    await client.load_markets()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(exchange: ServedExchange, account: Account) -> AsyncIterator[Any]:
    """ccxt with an account of its own."""
    async with ccxt_deribit(exchange.served) as client:
        await signed_in(client, account)
        yield client


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def tidy(bot: Any) -> AsyncIterator[None]:
    """No order outlives its test."""
    yield
    await bot.cancel_all_orders()


async def price(bot: Any, times: float, symbol: str = SWAP) -> float:
    """The mark, so many times, on the tick."""
    tick = bot.market(symbol)["precision"]["price"]
    mark = float((await bot.fetch_ticker(symbol))["info"]["mark_price"])
    return float(round(mark * times / tick) * tick)


async def test_a_limit_order_is_placed_found_edited_and_cancelled(bot: Any) -> None:
    placed = await bot.create_order(SWAP, "limit", "buy", 100, await price(bot, 0.992))
    assert (placed["status"], placed["amount"], placed["filled"]) == ("open", 100.0, 0.0)
    assert [order["id"] for order in await bot.fetch_open_orders(SWAP)] == [placed["id"]]
    moved = await price(bot, 0.991)
    edited = await bot.edit_order(placed["id"], SWAP, "limit", "buy", 200, moved)
    assert (edited["id"], edited["price"], edited["amount"]) == (placed["id"], moved, 200.0)
    cancelled = await bot.cancel_order(placed["id"], SWAP)
    assert cancelled["status"] == "canceled"
    assert (await bot.fetch_order(placed["id"], SWAP))["status"] == "canceled"
    assert await bot.fetch_open_orders(SWAP) == []


async def test_all_orders_are_cancelled_at_once(bot: Any) -> None:
    for times in (0.990, 0.991, 0.992):
        await bot.create_order(SWAP, "limit", "buy", 100, await price(bot, times))
    assert len(await bot.fetch_open_orders(SWAP)) == 3
    await bot.cancel_all_orders(SWAP)
    assert await bot.fetch_open_orders(SWAP) == []


async def test_a_stop_waits(bot: Any) -> None:
    trigger = await price(bot, 0.98)
    placed = await bot.create_order(SWAP, "market", "sell", 100, None, {"stopLossPrice": trigger})
    assert placed["info"]["order_state"] == "untriggered"
    assert (placed["info"]["order_type"], placed["info"]["trigger_price"]) == ("stop_market", trigger)
    limit = await bot.create_order(SWAP, "limit", "sell", 100, trigger, {"stopLossPrice": trigger})
    assert limit["info"]["order_type"] == "stop_limit"
    assert len(await bot.fetch_open_orders(SWAP)) == 2


async def test_a_post_only_order_rests_or_is_refused(bot: Any) -> None:
    placed = await bot.create_order(SWAP, "limit", "buy", 100, await price(bot, 0.992), {"postOnly": True})
    assert (placed["status"], placed["postOnly"]) == ("open", True)
    with pytest.raises(ccxt.BaseError, match="post_only_reject"):
        await bot.create_order(SWAP, "limit", "buy", 100, await price(bot, 1.01), {"postOnly": True})


async def test_a_round_trip_agrees_with_the_ledger(bot: Any) -> None:
    before = (await bot.fetch_balance())["BTC"]["total"]
    since = (await bot.fetch_ticker(SWAP))["timestamp"]
    bought = await bot.create_order(SWAP, "market", "buy", 500)
    assert (bought["status"], bought["filled"]) == ("closed", 500.0)
    (position,) = [each for each in await bot.fetch_positions([SWAP]) if each["contracts"]]
    assert (position["side"], position["info"]["size"]) == ("long", 500.0)
    reducing = await bot.create_order(
        SWAP, "limit", "sell", 500, await price(bot, 1.01), {"reduceOnly": True}
    )
    assert reducing["info"]["reduce_only"] is True
    await bot.cancel_order(reducing["id"], SWAP)
    sold = await bot.create_order(SWAP, "market", "sell", 500)
    assert sold["status"] == "closed"
    trades = await bot.fetch_my_trades(SWAP, since)
    assert {trade["order"] for trade in trades} == {bought["id"], sold["id"]}
    fees = sum(trade["fee"]["cost"] for trade in trades)
    profit = sum(trade["info"]["profit_loss"] for trade in trades)
    after = (await bot.fetch_balance())["BTC"]["total"]
    assert fees > 0
    assert after - before == pytest.approx(profit - fees, abs=1e-7)
    closed = await bot.fetch_closed_orders(SWAP)
    assert {bought["id"], sold["id"]} <= {order["id"] for order in closed}


async def test_a_linear_contract_is_traded_in_its_dollars(bot: Any) -> None:
    placed = await bot.create_order(LINEAR, "limit", "buy", 0.01, await price(bot, 0.992, LINEAR))
    assert placed["id"].startswith("USDC-")
    assert (await bot.cancel_order(placed["id"], LINEAR))["status"] == "canceled"


async def test_what_cannot_be_is_ccxts_own_error(bot: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await bot.create_order(SWAP, "limit", "buy", 100_000_000, await price(bot, 0.992))
    with pytest.raises(ccxt.InvalidOrder):
        await bot.cancel_order("123456789", SWAP)


async def test_orders_trades_and_balance_are_watched(bot: Any) -> None:
    async with asyncio.timeout(HANG_S):
        first = (await bot.watch_balance())["BTC"]["total"]
        orders = asyncio.create_task(bot.watch_orders(SWAP))
        trades = asyncio.create_task(bot.watch_my_trades(SWAP))
        placed_ids, bought_ids = set(), set()
        while not (orders.done() and trades.done()):  # what comes before the subscription is not told
            placed = await bot.create_order(SWAP, "limit", "buy", 100, await price(bot, 0.992))
            placed_ids.add(placed["id"])
            bought = await bot.create_order(SWAP, "market", "buy", 200)
            bought_ids.add(bought["id"])
            await asyncio.wait([orders, trades], timeout=0.5)
        assert {order["id"] for order in await orders} <= placed_ids | bought_ids
        watched = await trades
        assert {trade["order"] for trade in watched} <= bought_ids
        assert sum(trade["amount"] for trade in watched) <= 200.0 * len(bought_ids)
        while (await bot.watch_balance())["BTC"]["total"] == first:
            pass
        cancelled = asyncio.create_task(bot.watch_orders(SWAP))
        await bot.cancel_order(placed["id"], SWAP)
        while placed["id"] not in {each["id"] for each in await cancelled if each["status"] == "canceled"}:
            cancelled = asyncio.create_task(bot.watch_orders(SWAP))
        await bot.create_order(SWAP, "market", "sell", 200 * len(bought_ids), None, {"reduceOnly": True})


async def test_funding_is_known(bot: Any) -> None:
    rate = await bot.fetch_funding_rate(SWAP)
    assert (rate["symbol"], abs(rate["fundingRate"]) < 0.01) == (SWAP, True)
    assert await bot.fetch_funding_rate_history(SWAP) == []  # no hour is over yet


async def test_two_bots_never_see_each_other(bot: Any, exchange: ServedExchange) -> None:
    async with ccxt_deribit(exchange.served) as other:
        await signed_in(other, exchange.add_account("other", "BTC=1"))
        placed = await bot.create_order(SWAP, "limit", "buy", 100, await price(bot, 0.992))
        assert await other.fetch_open_orders(SWAP) == []
        with pytest.raises(ccxt.InvalidOrder):
            await other.cancel_order(placed["id"], SWAP)
        assert (await other.fetch_balance())["BTC"]["total"] == 1.0
