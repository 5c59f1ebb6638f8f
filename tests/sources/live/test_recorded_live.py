"""What a live source tells a recorder replays to the same events, over ws and wss, through breaks and replacements."""

import ssl
from collections import Counter
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deltawire.model.events import Audit, BookDelta, BookImage, Event, Status, Ticker, Trade
from deltawire.recording.directory import RecordedDirectory
from deltawire.recording.recorder import Recorder
from deltawire.sources.recorded import connections_at
from deltawire.sources.replay import Played, play_together
from deltawire.store.certificates import load_tls, self_signed
from deltawire.testing.replica import Replica
from deltawire.testing.venue_server import Fault as VenueFault
from deltawire.venues import make_venue
from tests.support.live_harness import LiveHarness

VENUES = ["okx", "binance_usdm"]


def replayed(directory: Path, venue: str) -> list[Event]:
    """The events of a recording of one venue."""
    pairs = [Played(each.recording, make_venue(each.venue)) for each in connections_at(directory, venue)]
    return [event for batch in play_together(pairs) for event in batch.events]


def books(events: list[Event]) -> list[tuple[object, ...]]:
    """Every book by its id with its checksum, the venue's time and how far it is known, and every state between."""
    replica, found = Replica(), []
    for event in events:
        replica.take(event)
        if isinstance(event, BookImage | BookDelta):
            book = replica.books[event.instrument.name].book
            levels = hash((tuple(sorted(book.bids.items())), tuple(sorted(book.asks.items()))))
            known = event.known
            found.append((event.instrument.name, event.sequence, event.venue_sequence, levels, known))
        elif isinstance(event, Audit):
            found.append((event.instrument.name, event.venue_sequence, event.compared, event.unequal))
        elif isinstance(event, Status) and event.detail != "not needed any more":
            found.append((event.instrument.name, event.state, event.reason))
    return found


def of_each(found: list[tuple[object, ...]]) -> dict[object, list[tuple[object, ...]]]:
    """The same by instrument: between instruments of different connections no order is promised."""
    by_name: dict[object, list[tuple[object, ...]]] = {}
    for one in found:
        by_name.setdefault(one[0], []).append(one)
    return by_name


def trades(events: list[Event]) -> Counter[tuple[object, ...]]:
    return Counter(
        (e.instrument.name, e.trade_id, e.price_ticks, e.size_lots, e.side)
        for e in events
        if isinstance(e, Trade)
    )


def equal(live: list[Event], recorded: list[Event]) -> None:
    """The recording gives what the live run gave; what was under way when it was stopped may follow."""
    ours, theirs = of_each(books(live)), of_each(books(recorded))
    assert ours.keys() == theirs.keys()
    for name, told in ours.items():
        assert theirs[name][: len(told)] == told, name
        assert len(theirs[name]) - len(told) < 20, theirs[name][len(told) :]
    assert not trades(live) - trades(recorded)
    tickers = [sum(isinstance(e, Ticker) for e in events) for events in (live, recorded)]
    assert 0 <= tickers[1] - tickers[0] < 50


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("venue", VENUES)
async def test_a_recording_replays_to_the_events_of_the_live_run(
    venue: str, secure: bool, tmp_path: Path
) -> None:
    server_tls, trust = None, None
    if secure:
        certificate = self_signed(tmp_path / "home", "127.0.0.1")
        server_tls = load_tls(certificate, None)
        trust = ssl.create_default_context(cafile=str(certificate))
    recorder = Recorder(tmp_path / "out")
    async with LiveHarness(
        venue, speed=8.0, tap=recorder, trusting=trust, **({"tls": server_tls} if secure else {})
    ) as live:
        await live.until_live()
        await live.until_compared(10)
        for connection in [*live.server.connections]:
            connection.cut()
        await live.until(lambda: {status.instrument.name for status in live.stale()} == live.names)
        await live.until_live()
        await live.until_compared(10)
        before = len(live.stale())
        live.source.replace_connections()
        old = {connection.number for connection in live.server.connections}
        await live.until(lambda: not old & {connection.number for connection in live.server.connections})
        await live.until_compared(10)
        assert len(live.stale()) == before
        if live.source.auditor is not None and not secure:
            await live.until(lambda: sum(isinstance(e, Audit) for e in live.events) > 1)
            await live.until_compared(3)
        lanes = len(live.source.status().lanes)
    progress = recorder.close()
    assert progress.missing == 0
    equal(live.events, replayed(tmp_path / "out", venue))
    noted = Counter(entry.event for entry in RecordedDirectory(tmp_path / "out").ledger())
    assert noted["connected"] == noted["closed"] == 2 * lanes
    assert noted["replaced"] == lanes
    assert noted["asked"] >= 2 * lanes
    assert noted["acknowledged"] >= 2 * lanes
    assert noted["refused"] == 0


class _BrokenTap:
    def __init__(self) -> None:
        self.heard = 0

    def passed(self, *facts: object, **more: object) -> None:
        self.heard += 1
        raise RuntimeError("broken")

    noted = passed


async def test_a_tap_that_raises_harms_no_book() -> None:
    """Each failure is logged; what a log makes of a thousand tracebacks is not the point."""
    tap = _BrokenTap()
    with capture_logs() as logged:
        await _compare_with_a_broken_tap(tap)
    assert sum(line["event"] == "defect" for line in logged) > 100


async def _compare_with_a_broken_tap(tap: _BrokenTap) -> None:
    async with LiveHarness("okx", speed=8.0, tap=tap) as live:
        await live.until_live()
        await live.until_compared(5)
        assert tap.heard > 100
        assert not live.stale()
        assert not live.faults()


async def test_both_sockets_of_a_redundant_connection_are_one_in_the_recording(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    async with LiveHarness("okx", speed=8.0, tap=recorder, second_connection=True) as live:
        await live.until_live()
        for _ in range(2):
            await live.until(lambda: all(lane.joined for lane in live.source.status().lanes))
            min(live.server.connections, key=lambda connection: connection.number).cut()
            await live.until_compared(5)
        assert not live.stale()
    recorder.close()
    recorded = replayed(tmp_path, "okx")
    equal(live.events, recorded)
    assert trades(recorded).most_common(1)[0][1] == 1


async def test_a_stream_that_stops_makes_its_book_stale_in_the_recording_too(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    async with LiveHarness("hyperliquid", speed=8.0, tap=recorder) as live:
        await live.until_live()
        await live.until_compared(3)
        victim = "BTC"
        live.server.inject(VenueFault("silence", stream="l2Book/fast:BTC", lasts=40.0))
        await live.until(lambda: any(each.kind == "silence" for each in live.server.faults.struck))
        await live.until(lambda: any(status.reason == "silent" for status in live.stale(victim)))
        await live.until(lambda: victim in live.live)
        await live.until_compared(3)
    recorder.close()
    recorded = replayed(tmp_path, "hyperliquid")
    equal(live.events, recorded)
    assert (victim, "stale", "silent") in books(recorded)
    noted = [entry for entry in RecordedDirectory(tmp_path).ledger() if entry.event == "silent"]
    assert victim in {entry.facts["instrument"] for entry in noted}


async def test_a_refused_book_is_closed_in_the_recording_too(tmp_path: Path) -> None:
    """Its image may come by REST all the same."""
    recorder = Recorder(tmp_path)
    async with LiveHarness("binance_usdm", speed=8.0, tap=recorder) as live:
        await live.until_live()
        victim = sorted(live.names)[0]
        live.server.inject(VenueFault("reject", stream=f"{victim.lower()}@depth*"))
        live.server.inject(VenueFault("cut", times=1))
        await live.until(lambda: any(status.detail.startswith("refused") for status in live.stale(victim)))
        await live.until(lambda: live.names - {victim} <= live.live)
        before = live.compared.copy()
        await live.until(
            lambda: all(live.compared[name] > before[name] + 5 for name in live.names - {victim})
        )
        assert victim not in live.live
    recorder.close()
    equal(live.events, replayed(tmp_path, "binance_usdm"))
