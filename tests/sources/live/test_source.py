"""Every venue, live, on its simulator's socket: each published book is the venue's own at that id."""

import asyncio
import ssl
from pathlib import Path

import pytest
import uvloop

from deltawire.errors import FeedError, UsageError
from deltawire.model.events import Audit, Listing, Status, Ticker, Trade
from deltawire.ports import FramedSource, LiveFeed, Source, Wants
from deltawire.sources.live.source import LiveSettings, LiveSource, open_live
from deltawire.store.certificates import load_tls, self_signed
from deltawire.testing.venue_server import Fault as VenueFault
from deltawire.testing.venue_server import VenueServer
from deltawire.venues import REGISTRY
from tests.support.effort import THOROUGH
from tests.support.live_harness import LiveHarness, PushedClock
from tests.support.waiting import until

VENUES = sorted(REGISTRY)
SOME = VENUES if THOROUGH else ["binance_spot", "binance_usdm", "deribit", "kraken", "okx"]
"""One of each continuity rule that needs something of its own; `make thorough` tries all."""
JOINED = [name for name in VENUES if REGISTRY[name]().limits.joins]


@pytest.mark.parametrize("venue", VENUES)
async def test_every_book_trade_and_ticker_arrives_and_every_book_is_the_venues_own(venue: str) -> None:
    async with LiveHarness(venue, speed=8.0) as live:
        await live.until_live()
        await live.until_compared(8)
        names = live.names
        await live.until(lambda: {e.instrument.name for e in live.events if isinstance(e, Trade)} >= names)
        await live.until(lambda: {e.instrument.name for e in live.events if isinstance(e, Ticker)} >= names)
        assert {e.instrument.name for e in live.events if isinstance(e, Listing)} == names
        assert not live.stale()
        assert not live.faults()
        assert not live.server.tally.violations
        status = live.source.status()
        assert status.wanted == len(names)
        assert all(lane.sockets == 1 and lane.streams.get("asked", 0) == 0 for lane in status.lanes)


@pytest.mark.parametrize("kind", ["cut", "close", "half-open"])
@pytest.mark.parametrize("venue", SOME)
async def test_a_connection_that_ends_is_replaced_and_its_books_are_stale_meanwhile(
    venue: str, kind: str
) -> None:
    async with LiveHarness(venue, speed=8.0) as live:
        await live.until_live()
        live.server.inject(VenueFault(kind, times=1))  # type: ignore[arg-type]
        if kind == "half-open":
            await live.until(lambda: any(each.kind == kind for each in live.server.faults.struck))
            while {status.instrument.name for status in live.stale()} != live.names:
                live.clock.pass_s(REGISTRY[venue]().silence_ns / 1e9 + 1)
                await asyncio.sleep(0.3)  # what was on the way counts as heard
        await live.until(lambda: {status.instrument.name for status in live.stale()} == live.names)
        reasons = {status.reason for status in live.stale()}
        assert reasons <= ({"silent", "closed"} if kind == "half-open" else {"closed"})
        await live.until_live()
        await live.until_compared()
        assert not live.server.tally.violations


@pytest.mark.parametrize("venue", SOME)
async def test_a_book_that_missed_something_resynchronises_alone(venue: str) -> None:
    """One book's frames are lost; at Coinbase, where one number counts them all, every book is suspect."""
    alone = venue not in ("coinbase", "hyperliquid")
    depth = 10 if venue == "kraken" else None  # checksums say nothing of what is below
    async with LiveHarness(venue, speed=8.0, compared_depth=depth) as live:
        await live.until_live()
        victim = sorted(live.names)[0]
        live.server.inject(VenueFault("drop", stream=victim, times=1))
        if venue != "hyperliquid":  # whose every message is the whole book
            for _ in range(20):
                await live.until(lambda: len(live.server.faults.struck) > 0)
                if any(live.stale(victim)):
                    break
                await live.until_compared(2)
                live.server.inject(VenueFault("drop", stream=victim, times=1))
            assert live.stale(victim)
        await live.until_live()
        await live.until_compared()
        if alone:
            assert {status.instrument.name for status in live.stale()} == {victim}
        assert not live.server.tally.violations


@pytest.mark.parametrize("venue", SOME)
async def test_noise_of_every_kind_never_gives_a_wrong_book(venue: str) -> None:
    faults = [
        VenueFault("drop", share=0.02),
        VenueFault("duplicate", share=0.02),
        VenueFault("reorder", share=0.02),
        VenueFault("corrupt", share=0.02),
        VenueFault("delay", share=0.02, by=0.3),
    ]
    depth = 10 if venue == "kraken" else None  # checksums say nothing of what is below
    async with LiveHarness(venue, faults=faults, speed=8.0, compared_depth=depth) as live:
        await live.until(lambda: len(live.server.faults.struck) > 30)
        await live.until(lambda: all(live.compared[name] > 10 for name in live.names))


@pytest.mark.parametrize("venue", JOINED)
async def test_a_second_connection_makes_a_break_invisible(venue: str) -> None:
    async with LiveHarness(venue, second_connection=True, speed=8.0) as live:
        await live.until_live()
        for _ in range(3):
            await live.until(lambda: all(lane.joined for lane in live.source.status().lanes))
            first = min(live.server.connections, key=lambda connection: connection.number)
            first.cut()
            await live.until_compared(3)
        assert not live.stale()
        trades = [(e.instrument.name, e.trade_id) for e in live.events if isinstance(e, Trade)]
        assert len(trades) == len({*trades})


@pytest.mark.parametrize("venue", [*JOINED])
async def test_a_connection_is_replaced_before_the_venue_closes_it_without_a_stale_book(venue: str) -> None:
    async with LiveHarness(venue, speed=8.0) as live:
        await live.until_live()
        limits = REGISTRY[venue]().limits
        if limits.lifetime_s:
            live.clock.pass_s(limits.lifetime_s - 1000)
        else:
            live.source.replace_connections()
        before = {connection.number for connection in live.server.connections}
        await live.until(lambda: not before & {connection.number for connection in live.server.connections})
        await live.until_compared()
        assert not live.stale()
        late = (
            [fault for fault in live.faults() if "granted, but silent" in fault] if limits.lifetime_s else []
        )
        assert (
            live.faults() == late
        )  # for who sees so many hours pass at once, each stream was silent for as long
        assert len(live.server.connections) == len(live.source.status().lanes)


async def test_okx_says_when_it_will_close_and_no_book_notices() -> None:
    async with LiveHarness("okx") as live:
        await live.until_live()
        before = {connection.number for connection in live.server.connections}
        live.server.inject(VenueFault("notice", times=1))
        await live.until(lambda: not before & {connection.number for connection in live.server.connections})
        await live.until_compared()
        assert not live.stale()


@pytest.mark.parametrize("venue", ["okx", "deribit", "kraken", "bybit_linear", "binance_usdm"])
async def test_a_refused_subscription_is_told_to_the_user(venue: str) -> None:
    streams = {
        "okx": "books:BTC-USDT",
        "deribit": "book.BTC-PERPETUAL.100ms",
        "kraken": "book:BTC/USD",
        "bybit_linear": "orderbook.*BTCUSDT",
        "binance_usdm": "btcusdt@depth*",
    }
    async with LiveHarness(venue, faults=[VenueFault("reject", stream=streams[venue])]) as live:
        await live.until(lambda: any("refused" in status.detail for status in live.stale()))
        refused = {status.instrument.name for status in live.stale() if "refused" in status.detail}
        assert any(reason.startswith("refused") for reason in live.faults())
        assert live.source.status().refused >= 1
        await live.until(lambda: live.live >= live.names - refused)


@pytest.mark.parametrize("venue", ["okx", "binance_usdm", "hyperliquid"])
async def test_a_granted_stream_that_is_silent_is_noticed_by_its_promise(venue: str) -> None:
    streams = {
        "okx": "mark-price:BTC-USDT-SWAP",
        "binance_usdm": "btcusdt@markPrice*",
        "hyperliquid": "l2Book/fast:BTC",
    }
    async with LiveHarness(venue, faults=[VenueFault("mute", stream=streams[venue])]) as live:
        await live.until(lambda: len(live.live) >= len(live.names) - (venue == "hyperliquid"))
        for _ in range(10):
            live.clock.pass_s(5)
            await asyncio.sleep(0.3)
        await live.until(lambda: any("granted, but silent" in reason for reason in live.faults()))


async def test_instruments_that_are_listed_renamed_and_ended_while_it_runs() -> None:
    async with LiveHarness("okx", instruments=("BTC-*", "SOL-*", "ETH-*")) as live:
        await live.until(lambda: "BTC-USDT" in live.live)
        live.server.inject(VenueFault("list", name="SOL-USDT"))
        await live.until(lambda: "SOL-USDT" in live.live)
        live.server.inject(VenueFault("expire", name="BTC-USDT-SWAP"))
        await live.until(lambda: any(status.reason == "closed" for status in live.stale("BTC-USDT-SWAP")))
        live.server.inject(VenueFault("rename", name="BTC-USDT", to="BTC-USDX"))
        await live.until(lambda: "BTC-USDX" in live.live)
        await live.until(lambda: {"BTC-USDT", "BTC-USDT-SWAP"}.isdisjoint(live.source.wanted))
        await live.until_compared(3)
        assert {"BTC-USDT", "BTC-USDT-SWAP"}.isdisjoint(live.source.wanted)


async def test_rest_that_fails_and_is_limited_delays_images_and_nothing_else() -> None:
    faults = [VenueFault("error", stream="*depth*", status=429, retry=1, times=2)]
    async with LiveHarness("binance_usdm", faults=faults) as live:
        await live.until_live()
        await live.until_compared()
        assert not live.server.tally.violations


@pytest.mark.parametrize("venue", ["binance_spot", "binance_usdm"])
async def test_live_books_are_compared_with_new_images(venue: str) -> None:
    async with LiveHarness(venue, speed=8.0) as live:
        await live.until_live()
        await live.until(
            lambda: {e.instrument.name for e in live.events if isinstance(e, Audit)} == live.names
        )
        await live.until_compared()
        assert not live.stale()
        assert not live.server.tally.violations


@pytest.mark.parametrize("venue", ["okx", "binance_usdm"])
def test_it_works_on_uvloop_and_over_tls(venue: str, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "127.0.0.1")

    async def serve_and_connect() -> None:
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with LiveHarness(venue, speed=8.0, tls=load_tls(certificate, None), trusting=trusting) as live:
            await live.until_live()
            live.server.inject(VenueFault("cut", times=1))
            await live.until(lambda: len(live.stale()) == len(live.names))
            await live.until_live()
            await live.until_compared()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_and_connect())


async def test_the_next_endpoint_is_used_while_one_fails() -> None:
    async with VenueServer("okx", speed=4.0) as good:
        dead = "ws://127.0.0.1:1"
        settings = LiveSettings("okx", endpoints=(dead, good.base))
        source = LiveSource(settings, PushedClock(), chance=lambda: 0.0)
        live = set()

        async def follow() -> None:
            async for batch in source.events(Wants()):
                live.update(
                    e.instrument.name for e in batch.events if isinstance(e, Status) and e.state == "live"
                )

        task = asyncio.create_task(follow())
        await until(lambda: len(live) == len(good.market.walks))
        assert {lane.endpoint.startswith(good.base) for lane in source.status().lanes} == {True}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_source_waits_for_a_network() -> None:
    async with VenueServer("kraken", speed=4.0) as server:
        port = server.port
    source = LiveSource(LiveSettings("kraken", endpoints=(f"ws://127.0.0.1:{port}",)), PushedClock())
    told: list[str] = []

    async def follow() -> None:
        async for batch in source.events(Wants()):
            told.extend(getattr(event, "reason", "") or type(event).__name__ for event in batch.events)

    task = asyncio.create_task(follow())
    await until(lambda: any("cannot" in each for each in told))
    async with VenueServer("kraken", speed=4.0, port=port):
        await until(lambda: "BookImage" in told)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_instruments_that_nothing_fits_are_an_error_with_examples() -> None:
    async with VenueServer("okx", speed=4.0) as server:
        source = LiveSource(LiveSettings("okx", ("NOPE-*",), endpoints=(server.base,)), PushedClock())
        with pytest.raises(FeedError, match=r"none of 4 instruments fits NOPE-\*; there are BTC-USD-SWAP"):
            async for _ in source.events(Wants()):
                pass


def test_endpoints_and_venues_that_are_wrong_are_refused_at_once() -> None:
    with pytest.raises(UsageError, match="unknown venue"):
        open_live(LiveSettings("nope"), PushedClock())
    with pytest.raises(UsageError, match="an endpoint is"):
        open_live(LiveSettings("okx", endpoints=("127.0.0.1:80",)), PushedClock())
    with pytest.raises(UsageError, match="means all"):
        open_live(LiveSettings("okx", ()), PushedClock())


def test_it_is_a_source_with_frames_and_connections() -> None:
    source: Source = LiveSource(LiveSettings("okx"), PushedClock())
    assert isinstance(source, FramedSource)
    assert isinstance(source, LiveFeed)
