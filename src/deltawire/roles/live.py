"""Live venues without a server: opened in this process, or only recorded."""

import asyncio
import ssl
import threading
from collections.abc import Sequence
from urllib.parse import parse_qsl

import msgspec
import structlog

from deltawire.dialect.grammar import parse_channel
from deltawire.errors import FeedError, UsageError
from deltawire.model.events import Fault
from deltawire.ports import Tap, Topic, Wants
from deltawire.roles.gateway import App, WallClock
from deltawire.roles.in_process import InProcess
from deltawire.sources.live.source import LiveSettings, LiveSource, open_live
from deltawire.venues import REGISTRY
from deltawire.venues.live.allowance import Allowances

log = structlog.get_logger("deltawire")
TOPICS: dict[str, Topic] = {"book": "book", "trades": "trades", "ticker": "ticker"}
"""The topic of a venue that gives a channel's family."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 2.0


class _OfThisProgram(threading.local):
    """What a venue allows an address, used by all that a thread opens one after the other."""

    def __init__(self) -> None:
        self.allowances = Allowances()


_PROGRAM = _OfThisProgram()


def venue_of(where: str) -> str:
    """The venue that `okx:…` names; empty if this is another kind of address. `UsageError` for a part of a name."""
    name, colon, rest = where.partition(":")
    if not colon or rest.startswith("//") or rest.partition("/")[0].isdecimal():
        return ""
    if name in REGISTRY:
        return name
    if near := sorted(each for each in REGISTRY if each.startswith(f"{name}_")):
        raise UsageError(f"{name} has several markets: {', '.join(f'{each}:' for each in near)}")
    return ""


def parse_live(where: str, endpoints: Sequence[str] = ()) -> LiveSettings:
    """Settings from `okx:BTC-*,ETH-*?endpoint=ws://…`; `UsageError` if they are none."""
    venue, _, rest = where.partition(":")
    patterns, _, query = rest.partition("?")
    chosen = tuple(filter(None, (each.strip() for each in patterns.split(",")))) or ("*",)
    try:
        options = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise UsageError(f"options are name=value, with & between them, not {query!r}") from error
    if unknown := sorted({name for name, _ in options} - {"endpoint"}):
        raise UsageError(f"no option {', '.join(unknown)}; there is endpoint")
    return LiveSettings(venue, chosen, endpoints=(*(value for _, value in options), *endpoints))


def narrowed(settings: LiveSettings, channels: Sequence[str]) -> LiveSettings:
    """Only what channels such as `book.BTC-*` name: each of their topics for each of their instruments.

    `UsageError` for channels that no venue has.
    """
    if not channels:
        return settings
    if settings.instruments != ("*",):
        raise UsageError(
            f"name instruments once: {settings.venue}:{','.join(settings.instruments)} without channels, "
            f"or {settings.venue}: with channels"
        )
    topics: set[Topic] = set()
    names: dict[str, None] = {}
    for channel in channels:
        key = parse_channel(channel) or parse_channel(f"{channel}.raw") or parse_channel(f"{channel}.100ms")
        if key is None or key.family not in TOPICS or not key.instrument:
            raise UsageError(
                f"no such channel of a venue: {channel}; channels are such as book.BTC-*, trades.*, ticker.BTC-USDT"
            )
        topics.add(TOPICS[key.family])
        names[key.instrument] = None
    return msgspec.structs.replace(settings, instruments=tuple(names), topics=frozenset(topics))


class LiveRecording:
    """Connects to a venue, and lets a tap hear what passes."""

    def __init__(self, settings: LiveSettings, tap: Tap, *, trust: ssl.SSLContext | None = None) -> None:
        """`UsageError` if an endpoint cannot be used."""
        self._source = open_live(settings, WallClock(), allowances=_PROGRAM.allowances, tls=trust, tap=tap)
        self._fault = ""

    @property
    def waiting_for(self) -> str:
        """Why a connection is down, or why there is none yet; empty if none is."""
        lanes = self._source.status().lanes
        return next((lane.why for lane in lanes if lane.sockets == 0), "") if lanes else self._fault

    async def run(self) -> None:
        """Record until cancelled. `FeedError` if the venue has no such instruments."""
        async for batch in self._source.events(Wants()):
            for event in batch.events:
                if isinstance(event, Fault):
                    self._fault = event.reason


class LiveTarget(InProcess):
    """A venue, live, within the process, for as long as somebody is connected to it."""

    def __init__(self, source: LiveSource, *, retry_for: float) -> None:
        """The venue's lists are tried for `retry_for` seconds."""
        super().__init__(App([source]))
        self._live = source
        self._retry_for = retry_for

    async def start(self) -> None:
        """Load the lists, and connect; `FeedError` if they cannot be had, or if no instrument fits."""
        loop = asyncio.get_running_loop()
        until, wait_s = loop.time() + self._retry_for, FIRST_WAIT_S
        while True:
            try:
                await self._live.load()
                break
            except FeedError as error:
                if not error.retry:
                    raise
                if loop.time() + wait_s > until:
                    raise FeedError(f"{error} (tried for {self._retry_for:g} s)", retry=True) from error
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
        await super().start()

    async def prepare(self, channels: Sequence[str]) -> None:
        """Wait until what the venue has is listed here; what it does not have is refused at once."""
        wanted = {*self._live.wanted}
        await super().prepare(
            [
                name
                for name in channels
                if (key := parse_channel(name)) is not None and key.instrument in wanted
            ]
        )

    async def close(self) -> None:
        """End everything."""
        await super().close()
        await self._live.close()

    def __repr__(self) -> str:
        return f"{self._live.venue}:{','.join(self._live.settings.instruments)}"


def open_target(where: str, *, trust: ssl.SSLContext | None, retry_for: float) -> LiveTarget:
    """The target of `okx:BTC-*`; `UsageError` if it cannot be opened at all."""
    live = open_live(parse_live(where), WallClock(), allowances=_PROGRAM.allowances, tls=trust)
    return LiveTarget(live, retry_for=retry_for)
