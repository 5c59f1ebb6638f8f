"""What is collected becomes a table that knows when nobody could tell the book."""

import asyncio

import msgspec

from deltawire.client import Gap, Outage, Recovered
from deltawire.client.collected import Collected
from deltawire.dialect.grammar import ResumePosition
from deltawire.tables.schemas import F_MAYBE_BAD_BOOK
from tests.client.test_subscription import BOOK, SOON, TRADES, cut, opened, server
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import ScriptedBook, make_trade

__all__ = ["server"]


def doubts(collected: Collected) -> list[bool]:
    flags = collected.table("mbp-10").columns()["flags"]
    return [bool(int(str(flag)) & F_MAYBE_BAD_BOOK) for flag in flags]


def test_a_book_is_in_doubt_from_an_outage_until_it_has_recovered() -> None:
    book = ScriptedBook()
    begun = book.image({1000: 1}, {1001: 1})
    outage, recovered = Outage("cut", 1.0), Recovered((BOOK,))
    changes = [book.change(bids={1000: 2}), book.change(bids={1000: 3})]
    assert doubts(Collected([*begun, changes[0], outage, recovered, changes[1]])) == [
        False,
        False,
        True,
        False,
    ]
    assert doubts(Collected([*begun, outage, changes[0]])) == [False, True, True]
    gap = Gap(BOOK, ResumePosition("", 0))
    assert doubts(Collected([*begun, outage, gap, *begun])) == [False, True, False]
    other = Recovered(("book.ETH-PERPETUAL.raw", TRADES))
    assert doubts(Collected([*begun, outage, other, changes[0]])) == [False, True, True]


def test_an_outage_ends_no_state_that_the_server_told() -> None:
    book = ScriptedBook()
    begun = [*book.image({1000: 1}, {1001: 1}), book.stale()]
    items = [*begun, Outage("cut", 1.0), Recovered((BOOK,)), book.change(bids={1000: 2})]
    assert doubts(Collected(items)) == [False, True, True]


async def test_collecting_begins_with_the_books_that_are_known(server: GatewayServer) -> None:
    async with opened(server) as dw:
        sub = await dw.subscribe(BOOK, TRADES)
        server.change(3)
        async with asyncio.timeout(SOON):
            while sub.book(BOOK).sequence < 2:
                await anext(sub)
        server.feed([make_trade(server.book.instrument, 1000, 10, trade_id="1")])
        server.change(2)
        collected = await sub.collect(seconds=0.1)
        await asyncio.to_thread(cut, server)
        server.change(2)
        async with asyncio.timeout(SOON):
            while sub.book(BOOK).sequence < server.book.sequence:
                collected.append(await anext(sub))
        top = collected.table("mbp-1").columns()
        wanted = server.book.bids[1000]
        assert str(top["bid_sz_00"][-1]) == str(wanted)
        assert True in doubts(collected)
        assert not doubts(collected)[-1]
        assert len(collected.to_polars("trades")) == 1
        assert collected.to_pandas("bbo-1s", prices="float")["bid_px_00"].to_list()[-1] == 100.0


def test_instruments_are_defined_where_they_are_first_seen_and_where_they_change() -> None:
    book = ScriptedBook()
    items = [*book.image({1000: 1}, {1001: 1}), book.change(bids={1000: 2})]
    finer = msgspec.structs.replace(book.instrument, tick_size="0.01", price_exponent=-2)
    items.append(make_trade(finer, 1000, 10, trade_id="1"))
    table = Collected(items).table("definition").columns()
    assert table["raw_symbol"] == [book.instrument.name] * 2
    assert table["price_exponent"] == [book.instrument.price_exponent, -2]
    assert all(table["ts_recv"])
