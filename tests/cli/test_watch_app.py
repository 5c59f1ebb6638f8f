"""The full screen, driven by Textual's own pilot over real sockets, at 80 columns and 24 lines."""

import asyncio
from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

import deltawire
from deltawire.cli.watch_app import WatchApp
from deltawire.model.events import VenueStatus
from tests.support.gateway_server import GatewayServer, Way, certificate
from tests.support.market_events import (
    VENUE,
    make_instrument,
    make_listing,
    make_option,
    make_ticker,
    make_trade,
)
from tests.support.waiting import HANG_S


def text(app: WatchApp, name: str) -> str:
    return str(app.query_one(f"#{name}", Static).content)


async def shown(app: WatchApp, pilot: "Pilot[None]", name: str, fits: Callable[[str], bool]) -> str:
    """What a panel says once it fits."""
    async with asyncio.timeout(HANG_S):
        while not fits(text(app, name)):
            await pilot.pause(0.02)
    return text(app, name)


async def test_a_book_its_facts_and_its_trades_are_shown(way: Way) -> None:
    with GatewayServer(way=way) as server:
        server.go_live()
        other, option = make_instrument("ETH-PERPETUAL"), make_option()
        server.feed([make_listing(other), make_ticker(option, mark_iv=55.5)])
        cafile = certificate() if way.secure else None
        async with deltawire.open(server.url, cafile=cafile) as dw:
            app = WatchApp(dw, "here")
            async with app.run_test(size=(80, 24)) as pilot:
                ladder = await shown(app, pilot, "ladder", lambda told: "100.1" in told)
                assert [line.split()[:3] for line in ladder.splitlines()] == [
                    ["ask", "100.1", "30"],
                    ["±", "0.1"],
                    ["bid", "100.0", "10"],
                    ["bid", "99.9", "20"],
                ]
                facts = await shown(app, pilot, "facts", lambda told: "live" in told)
                assert "100.05" in facts
                assert "imbalance +0.00 of 5 levels" in facts
                assert "known     all levels" in facts
                server.feed([make_trade(server.book.instrument, 1001, 30, trade_id="1")])
                tape = await shown(app, pilot, "tape", lambda told: "@" in told)
                assert "buy       30 @ 100.1" in tape
                longest = tape.splitlines()[0].replace("     30 @ 100.1", "140,000 @ 64051.0")
                assert len(longest) <= app.query_one("#tape").content_size.width, "a trade is a line"
                await shown(app, pilot, "health", lambda told: "answers in" in told)
                for state, line in (("down", "venue     down btc_usd locked"), ("up", "from      here")):
                    server.feed([VenueStatus(VENUE, state, 1, "locked", subject="btc_usd")])
                    told = await shown(app, pilot, "health", lambda told: told.startswith(line))  # noqa: B023
                    assert "answers in" in told
                for widget in app.query(Static):
                    if widget.display and widget.id:
                        region = widget.region
                        assert region.height >= 3
                        assert region.right <= 80
                        assert region.bottom <= 23
                await pilot.press("o")
                await app.ask()
                assert option.name in await shown(app, pilot, "chain", lambda told: "BTC" in told)
                await pilot.press("o", "n")
                assert app.instrument == "ETH-PERPETUAL"
                await shown(app, pilot, "ladder", lambda told: "no prices" in told)
                await pilot.press("p")
                await shown(app, pilot, "ladder", lambda told: "100.1" in told)


async def test_a_book_that_is_not_live_has_no_prices_and_says_why() -> None:
    with GatewayServer() as server:
        server.go_live()
        async with deltawire.open(server.url) as dw:
            app = WatchApp(dw, "here", "BTC-PERPETUAL")
            async with app.run_test(size=(80, 24)) as pilot:
                await shown(app, pilot, "ladder", lambda told: "100.1" in told)
                server.feed([server.book.stale("gap")])
                told = await shown(app, pilot, "ladder", lambda told: "100.1" not in told)
                assert told == "no prices while the book is stale (gap)"
                server.stop()
                await shown(app, pilot, "facts", lambda told: "lost" in told or "gap" in told)
                await shown(app, pilot, "health", lambda told: "outages   1" in told or "why" in told)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)])
async def test_it_fits_any_terminal(size: tuple[int, int]) -> None:
    with GatewayServer() as server:
        server.go_live()
        async with deltawire.open(server.url) as dw:
            app = WatchApp(dw, "here")
            async with app.run_test(size=size) as pilot:
                await shown(app, pilot, "ladder", lambda told: "bid" in told)
                await pilot.press("q")
