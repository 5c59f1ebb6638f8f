"""Figures are functions of the events: live, replayed and simulated they are the same bytes, in every family.

The venue is the built-in exchange on a real socket, whose dialect is Deribit's: it has books, trades, marks and a chain
of options. A live source follows it and is recorded; the recording is replayed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

import deltawire
from deltawire.analytics.derivations import Derivations, Wanted
from deltawire.dialect.families import EVERY_NS, FAMILIES
from deltawire.dialect.grammar import parse_channel
from deltawire.market.market import Market
from deltawire.model.events import Derived, Event
from deltawire.ports import Batch, BookFrames, Source, Wants
from deltawire.recording.recorder import Recorder
from deltawire.roles.gateway import App, WallClock
from deltawire.roles.live import parse_live
from deltawire.sources.live.source import open_live
from deltawire.sources.recorded import Playing, sources_at
from deltawire.testing.market import quiet_events
from tests.roles.test_live import served
from tests.support.frames import take_frames
from tests.support.subscribers import Inbox, join
from tests.support.waiting import HANG_S, until

Told = dict[tuple[str, int], bytes]
"""Notifications, whole, by channel and position."""
SECOND_NS = 1_000_000_000
ENOUGH = 12
"""Notifications of every channel."""


class _FrameParams(msgspec.Struct):
    channel: str
    seq: int


class _Frame(msgspec.Struct):
    params: _FrameParams


def channels(perpetual: str, future: str, expiry: str) -> list[str]:
    """One of each family of figures."""
    names = [f"{family}.{perpetual}.100ms" for family in ("imbalance", "depth", "prices", "flow")]
    names += [f"alert.{perpetual}.wide.0.02.100ms", f"alert.{perpetual}.thin.100000.100ms"]
    names += [f"alert.{perpetual}.crossed.{future}.1.100ms", f"chain.BTC.{expiry}.1s"]
    names += [f"{family}.BTC.1s" for family in ("surface", "skew", "gex")]
    return names


def want(derivations: Derivations, venue: str, names: list[str]) -> None:
    """Begin to compute before the first event, as if somebody had always been subscribed."""
    for name in names:
        key = parse_channel(name)
        assert key is not None
        subject = key.instrument or key.underlying
        derivations.want(
            Wanted(
                name, key.family, venue, subject, subject, EVERY_NS[key.every], key.expiry, key.alert,
                float(key.threshold or 0.0), f"{venue}:{key.other}" if key.other else "", key.other,
            )
        )  # fmt: skip


async def told_by(app: App, source: Source, names: list[str], enough: Callable[[Told], bool]) -> Told:
    """Every notification of these channels, from when their instruments are known."""
    want(app.derivations, source.venue, names)
    inbox, waiting = Inbox(), [*names]
    found: Told = {}
    async for batch in source.events(Wants()):
        await app.publish(batch)
        for name in [*waiting]:
            if _known(app.market, name):
                join(app.hub, inbox, name)
                waiting.remove(name)
        app.hub.flush()
        _take(inbox, found)
        if enough(found):
            break
    return found


def _known(market: Market, name: str) -> bool:
    key = parse_channel(name)
    assert key is not None
    return all(market.find(each) is not None for each in (key.instrument, key.other) if each)


def _take(inbox: Inbox, found: Told) -> None:
    data, inbox.writes = bytearray().join(inbox.writes), []
    for frame in take_frames(data):
        note = msgspec.json.decode(frame.payload, type=_Frame).params
        found[note.channel, note.seq] = frame.payload


class CutLine:
    """A way to a server that can be cut: all connections through it end."""

    def __init__(self, address: str) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        """End all connections."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, ours]
        passing = [asyncio.ensure_future(self._pass(*way)) for way in ((reader, ours), (theirs, writer))]
        await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        for each in passing:
            each.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        for end in (ours, writer):
            end.transport.abort()

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def test_live_and_replayed_figures_of_every_family_are_the_same_bytes(tmp_path: Path) -> None:
    cut_at = 3 * ENOUGH
    async with (
        asyncio.timeout(HANG_S),
        deltawire.open("sim:seed=7&speed=4") as simulation,
        served(simulation._target._app) as address,
    ):
        market = simulation._target._app.market
        await until(lambda: market.find("ETH-PERPETUAL") is not None)  # which is listed after all of BTC
        expiry, future = _expiry_and_future(market)
        names = channels("BTC-PERPETUAL", future, expiry)
        assert {key.family for name in names if (key := parse_channel(name))} == {
            name for name, family in FAMILIES.items() if family.derived
        }
        line, recorder = CutLine(address), Recorder(tmp_path)
        async with line.open() as through:
            where = f"deribit:BTC-PERPETUAL,{future}*?endpoint=ws://{through}"
            source = open_live(parse_live(where), WallClock(), tap=recorder)
            cuts = 0

            def enough(found: Told) -> bool:
                nonlocal cuts
                counts = {name: sum(channel == name for channel, _ in found) for name in names}
                if not cuts and counts[names[0]] >= cut_at:
                    cuts += 1
                    line.cut()
                regular = [count for name, count in counts.items() if not name.startswith("alert.")]
                return counts[names[0]] >= 2 * cut_at and min(regular) >= ENOUGH

            live = await told_by(App([source], epoch="epoch"), source, names, enough)
        recorder.close()
    (replay,) = sources_at(tmp_path, WallClock(), playing=Playing(None))
    replayed = await told_by(App([replay], epoch="epoch"), replay, names, lambda _: False)
    assert [key for key, frame in live.items() if replayed.get(key) != frame] == []
    assert {channel for channel, _ in live} == {*names}
    stale = {channel for (channel, _), frame in live.items() if b'"state":"stale"' in frame}
    assert stale == {name for name in names if "PERPETUAL" in name}, (
        "the cut is told by all that need that book"
    )


def _expiry_and_future(market: Market) -> tuple[str, str]:
    """The expiry with the fewest options among those of a listed future, and that future."""
    names = [state.instrument for state in market if state.instrument.base == "BTC"]
    options = Counter(each.expiry for each in names if each.kind == "option")
    futures = [expiry for expiry in options if market.find(f"BTC-{expiry}") is not None]
    expiry = min(futures, key=lambda each: (options[each], each))
    return expiry, f"BTC-{expiry}"


class PreparedSource:
    """A source of events that are there already: those of one stamp come together, or so many at once."""

    venue = "deltawire"

    def __init__(self, events: list[Event], together: int) -> None:
        self._events, self._together = events, together
        self._now_ns = 0

    def now(self) -> int:
        return self._now_ns

    def book_frames(self) -> BookFrames:
        return BookFrames()

    def unread(self) -> dict[str, int]:
        return {}

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        for at in range(0, len(self._events), self._together):
            events = self._events[at : at + self._together]
            self._now_ns = max(self._now_ns, *(getattr(event, "venue_ns", 0) for event in events))
            yield Batch(self.venue, self._now_ns, events)


async def test_a_simulated_market_gives_the_same_bytes_however_its_events_come_and_those_of_the_library() -> (
    None
):
    events = list(quiet_events(5, 40 * SECOND_NS))
    names = [name for name in channels("BTC-PERPETUAL", "BTC-PERPETUAL", "1JAN27") if ".BTC." not in name]
    one_by_one, together = [
        await told_by(App([source], epoch="epoch"), source, names, lambda _: False)
        for source in (PreparedSource(events, 1), PreparedSource(events, 97))
    ]
    derivations = Derivations()
    want(derivations, "deltawire", names)
    data = {
        (event.channel, event.sequence): msgspec.json.encode(event.data)
        for event in derivations.extended(events)
        if isinstance(event, Derived)
    }
    assert len(data) > 4 * 350
    assert {channel for channel, _ in data} == {*names}
    assert one_by_one.keys() == data.keys()
    for told in (one_by_one, together):
        assert [key for key, frame in told.items() if data[key] not in frame] == []
    assert len(together) > len(data) - 20, "who joins with the first batch misses what is told in it"
