"""Replays for connections: each has a market of its own, at its own recorded time.

They are of the events that `deltawire compact` has stored, so that a seek takes milliseconds.
"""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs

import structlog

from deltawire.access.access import TOO_MANY_REQUESTS
from deltawire.errors import DeltawireError, RequestError
from deltawire.gateway.gateway import Gateway
from deltawire.ports import Clock, ReplayPosition, ReplaySpan
from deltawire.recording.event_log import EventLog, StoredEvents
from deltawire.recording.manifest import stored_events
from deltawire.roles.gateway import App
from deltawire.session.replaying import FASTEST, MS_NS
from deltawire.sources.stored import StoredSource
from deltawire.wire.rpc import INVALID_PARAMS

logger = structlog.get_logger("deltawire")
SWEPT_EVERY_S = 1.0
SPAN_KEPT_NS = 2_000_000_000


class Room:
    """One replay: the sources, and an `App` over them; its tasks end when it is closed."""

    def __init__(
        self, rooms: "Rooms", home: Gateway, sources: Sequence[StoredSource], *, from_ns: int, speed: float
    ) -> None:
        self._rooms = rooms
        self._from_ns = from_ns
        self._sources = sources
        self._speed = speed
        self._running = len(sources)
        venues = [source.venue for source in sources]
        self._app = App(
            sources,
            limits=home.limits,
            policy=home.policy,
            clock=home.clock,
            home=home.market.home if home.market.home in venues else venues[0],
            replaying=self,
            shared=home,
        )
        for source in sources:
            if (state := source.begin()) is not None:
                self._app.begin_with(state)
        tasks = [self._play(source) for source in sources]
        self._tasks = [asyncio.ensure_future(task) for task in (*tasks, self._app.keep_time(), self._sweep())]

    @property
    def gateway(self) -> Gateway:
        """See `ReplayRoom`."""
        return self._app.gateway

    def span(self) -> ReplaySpan | None:
        """See `Replaying`."""
        return self._rooms.span()

    def position(self) -> ReplayPosition | None:
        """See `Replaying`."""
        at_ns = max(source.now() for source in self._sources)
        return ReplayPosition(max(at_ns, self._from_ns), self._speed, not self._running)

    def set_speed(self, speed: float) -> None:
        """See `Replaying`."""
        self._speed = speed
        for source in self._sources:
            source.set_speed(speed)

    def close(self) -> None:
        """See `ReplayRoom`."""
        for task in self._tasks:
            task.cancel()
        self._rooms.left(self)

    async def _play(self, source: StoredSource) -> None:
        await self._app.pump(source)
        self._running -= 1

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEPT_EVERY_S)
            self._app.hub.directory.sweep(self._app.gateway.clock.now())


class Rooms:
    """What can be replayed: the stored events of directories, venue by venue."""

    def __init__(self, stores: Sequence[Path], wall: Clock, most: int) -> None:
        """At most `most` connections replay at once."""
        self._stores = tuple(dict.fromkeys(stores))
        self._wall = wall
        self._most = most
        self._open: set[Room] = set()
        self._known: ReplaySpan | None = None
        self._known_ns = -SPAN_KEPT_NS

    def span(self) -> ReplaySpan | None:
        """What can be replayed now; it becomes longer when it is compacted again."""
        now = self._wall.now()
        if now - self._known_ns >= SPAN_KEPT_NS:
            self._known, self._known_ns = self._find_span(), now
        return self._known

    def position(self) -> ReplayPosition | None:
        """None: nothing is replayed here."""
        return None

    def set_speed(self, speed: float) -> None:
        """There is nothing to change."""

    def open(self, home: Gateway, query: str) -> Room:
        """See `ReplayRooms`: `from` is in milliseconds since 1970, `speed` recorded seconds per second."""
        span = self.span()
        if span is None:
            raise _wrong("from", "nothing is recorded here that could be replayed")
        from_ns = int(_number(query, "from", span.from_ns / MS_NS) * MS_NS)
        if not span.from_ns - MS_NS <= from_ns <= span.to_ns:
            raise _wrong("from", f"from {span.from_ns // MS_NS} to {span.to_ns // MS_NS}")
        speed = _number(query, "speed", 1.0)
        if not 0 <= speed <= FASTEST:
            raise _wrong("speed", f"from 0 to {FASTEST}")
        if len(self._open) >= self._most:
            reason = f"{self._most} connections replay already"
            raise RequestError(TOO_MANY_REQUESTS, "too_many_requests", reason=reason, retry=True)
        try:
            sources = [
                StoredSource(log.venue, EventLog(path, log.venue).batches(from_ns), self._wall, speed=speed)
                for path, log in self._logs()
            ]
            room = Room(self, home, sources, from_ns=from_ns, speed=speed)
        except (DeltawireError, OSError) as error:
            logger.error("a replay cannot be opened", error=str(error))
            raise _wrong("from", "the stored events cannot be read") from error
        self._open.add(room)
        return room

    @property
    def is_empty(self) -> bool:
        """Whether nobody replays."""
        return not self._open

    def left(self, room: Room) -> None:
        """A room has closed."""
        self._open.discard(room)

    def _find_span(self) -> ReplaySpan | None:
        logs = [log for _, log in self._logs()] if self._most else []
        if not logs:
            return None
        venues = sorted({log.venue for log in logs})
        return ReplaySpan(tuple(venues), min(log.from_ns for log in logs), max(log.to_ns for log in logs))

    def _logs(self) -> list[tuple[Path, StoredEvents]]:
        """The logs of events, one for each venue, with their places."""
        found: dict[str, tuple[Path, StoredEvents]] = {}
        for store in self._stores:
            for stored in stored_events(store) if store.is_dir() else []:
                if stored.from_ns and stored.venue not in found and _is_valid(store, stored):
                    found[stored.venue] = store / stored.path, stored
        return list(found.values())


def _is_valid(store: Path, log: StoredEvents) -> bool:
    """Whether the recordings that it was made of are still there; they may have become longer since."""
    try:
        return (store / log.path).is_file() and all(
            (store / name).stat().st_size >= size for name, size in log.made_of.items()
        )
    except OSError:
        return False


def _number(query: str, name: str, default: float) -> float:
    text = parse_qs(query).get(name, [""])[-1]
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(name, "must be a number")
    return number


def _wrong(name: str, reason: str) -> RequestError:
    return RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param=name)
