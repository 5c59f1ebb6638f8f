"""A venue, live, as a `Source`: lists, a plan, and one lane per planned connection."""

import asyncio
import contextlib
import random
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec
import structlog

from deltawire.book.auditor import AuditBudget, Auditor
from deltawire.errors import FeedError, UsageError
from deltawire.model.events import Event, Fault, Listing, Status, VenueStatus
from deltawire.model.instruments import Instrument
from deltawire.model.live import LiveStatus
from deltawire.ports import Batch, BookFrames, Clock, Fetch, Stream, Tap, Topic, Venue, Wants
from deltawire.sources.live.addresses import check_bases, rest_addresses, socket_addresses
from deltawire.sources.live.lane import Lane
from deltawire.sources.live.pacing import afford
from deltawire.sources.live.rest import Answer, RestClient, RestError
from deltawire.venues import make_venue
from deltawire.venues.live.allowance import SECOND_NS, Allowances
from deltawire.venues.live.planning import Plan, has_room, make_plan
from deltawire.venues.live.reconnecting import Reconnecting
from deltawire.venues.outages import Statuses

log = structlog.get_logger("deltawire")
TOPICS: frozenset[Topic] = frozenset({"book", "trades", "ticker"})
MOST_QUEUED = 2_000
"""Batches that nobody has taken; beyond it the sockets are not read until half of them are gone."""
MOST_TOGETHER = 16
"""Events of one time that are put together into a batch."""
FETCHES_AT_ONCE = 4
AUDIT_SHARE = 0.25
"""Of the venue's REST weight."""
RETRIES = 3
RETRY_S = 0.5
BANNED_S = 120.0
"""When a venue refuses everything (418) without saying for how long."""
LISTS_EVERY_S = 600.0
LISTS_SOON_S = 60.0
"""After a list was fetched it is not fetched again for so long, whatever is doubted."""
LIST_PAUSE_S = 0.3
"""A list that comes by a stream is complete when nothing was added for so long."""
LIST_WAIT_S = 30.0
"""For the first list of a venue whose lists come by streams."""


class LiveSettings(msgspec.Struct, frozen=True):
    """What to connect to. Patterns are those of file names: `BTC-*`, `*USDT`, `*`."""

    venue: str
    instruments: tuple[str, ...] = ("*",)
    topics: frozenset[Topic] = TOPICS
    endpoints: tuple[str, ...] = ()
    """Addresses that stand for the venue's hosts: ws://HOST:PORT (REST on the same port), http://HOST:PORT for REST."""
    second_connection: bool = False
    """A second connection for each, of whose messages the first to arrive is used (at venues where ids allow it)."""


class LiveSource:
    """Serves a venue's live data. `allowances` are shared by all live sources of a process.

    Everything that fails is an event: `Status` of a book, `Fault` of the venue. The source ends only with `FeedError`,
    if no instrument of the venue fits.
    """

    def __init__(
        self,
        settings: LiveSettings,
        clock: Clock,
        *,
        allowances: Allowances | None = None,
        tls: ssl.SSLContext | None = None,
        tap: Tap | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`tls` replaces the system's trust for wss and https; `tap` hears what passes."""
        check_bases(settings.endpoints)
        self.settings = settings
        self.venue = settings.venue
        self.clock = clock
        self.allowances = allowances or Allowances()
        self.tls = tls
        self.tap = tap
        self.chance = chance
        self._lister = make_venue(settings.venue)
        limits = self._lister.limits
        self._pool = " ".join([limits.pool or settings.venue, *settings.endpoints])  # others count elsewhere
        self._weight = self.allowances.of(self._pool, "weight", limits.weight)
        self.auditor = _auditor(self._lister)
        self._rest = RestClient(lambda: tls or ssl.create_default_context())
        self._at_once = asyncio.Semaphore(FETCHES_AT_ONCE)
        self._fetching: set[asyncio.Task[None]] = set()
        self._queue: deque[Batch] = deque()
        self._news = asyncio.Event()
        self._lanes: list[Lane] = []
        self._running: dict[int, asyncio.Task[None]] = {}
        self._wanted: dict[str, None] = {}
        self.lists: dict[str, tuple[str, bytes]] = {}
        """The newest instrument lists: tag, address and body."""
        self._fresh: dict[str, Instrument] = {}
        """Listed while it runs, to be subscribed to."""
        self._gone: set[str] = set()
        self._statuses = Statuses()
        self._doubted = asyncio.Event()
        self._refused = 0
        self._paused = False
        self._awaited: set[str] = set()
        """Books that were neither live nor refused since the start."""
        self._started_ns = 0

    # Source.

    def now(self) -> int:
        """The time of the oldest batch that nobody has taken yet, else the present."""
        return self._queue[0].at_ns if self._queue else self.clock.now()

    def book_frames(self) -> BookFrames:
        frames = [lane.venue.book_frames for lane in self._lanes]
        return BookFrames(sum(each.fast for each in frames), sum(each.parser for each in frames))

    def unread(self) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for lane in self._lanes:
            counts.update(lane.venue.unread)
        return counts

    def status(self) -> LiveStatus:
        """Its state for metrics."""
        now = self.clock.now()
        return LiveStatus(
            venue=self.venue,
            lanes=[lane.status() for lane in self._lanes],
            weight_used=self._weight.used(now) if self._weight else 0,
            weight_limit=self._weight.rate.amount if self._weight else 0,
            fetching=len(self._fetching),
            refused=self._refused,
            listed=len(self._active()),
            wanted=len(self._wanted),
        )

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Yield batches; `wants` is ignored, because the settings say what is wanted."""
        working = asyncio.create_task(self._work())
        try:
            while True:
                while self._queue:
                    yield self._queue.popleft()
                    if self._paused and len(self._queue) < MOST_QUEUED // 2:
                        self._pause(paused=False)
                if working.done():
                    working.result()
                self._news.clear()
                waiting = asyncio.create_task(self._news.wait())
                try:
                    await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await self._rest.close()

    @property
    def wanted(self) -> list[str]:
        """The instruments that fit, once the lists are loaded."""
        return [*self._wanted]

    @property
    def joins(self) -> bool:
        """Whether two connections of this venue can be joined exactly."""
        return self._lister.limits.joins

    def replace_connections(self) -> None:
        """Open every connection anew, as before the venue closes it."""
        for lane in self._lanes:
            lane.replace("asked to")

    async def close(self) -> None:
        """Close what is kept of REST, where `events` was never asked for."""
        await self._rest.close()

    # Context of the lanes.

    def publish(self, events: list[Event], at_ns: int) -> None:
        """Queue events of a lane; time never goes back."""
        if self._awaited:
            self._note_live(events)
        queue = self._queue
        if queue:
            last = queue[-1]
            if last.at_ns >= at_ns:
                at_ns = last.at_ns
                if len(last.events) < MOST_TOGETHER:
                    last.events.extend(events)
                    return
        else:
            self._news.set()
        queue.append(Batch(self.venue, at_ns, events))
        if len(queue) > MOST_QUEUED and not self._paused:
            self._pause(paused=True)

    def _note_live(self, events: Iterable[Event]) -> None:
        """Log when the last book that was asked for at the start is live, or refused."""
        for event in events:
            if isinstance(event, Status) and (
                event.state == "live" or (event.reason == "closed" and event.detail)
            ):
                self._awaited.discard(event.instrument.name)
        if not self._awaited:
            seconds = (self.clock.now() - self._started_ns) / SECOND_NS
            log.info("books are live", venue=self.venue, seconds=round(seconds, 1), refused=self._refused)

    def listed(self, listing: Listing) -> None:
        """A lane has heard of an instrument: one that is new is subscribed to, one that has ended is not any more."""
        instrument = listing.instrument
        if not self._fits(instrument):
            return
        if instrument.active and instrument.name not in self._wanted:
            self._fresh[instrument.name] = instrument
        elif not instrument.active and instrument.name in self._wanted:
            self._gone.add(instrument.name)

    def doubt_lists(self) -> None:
        """Streams that were granted are silent, or refused: their instruments may have ended."""
        self._doubted.set()

    def stated(self, status: VenueStatus, path: str) -> bool:
        """A status of the venue; lanes of other paths are told what they cannot hear themselves."""
        if not self._statuses.take(status, path):
            return False
        for lane in self._lanes:
            if lane.path != path and status.state != "notice":
                lane.told(status)
        return True

    def statuses(self, path: str) -> list[VenueStatus]:
        """What lanes of other paths have heard."""
        return self._statuses.elsewhere(path)

    def count_refused(self, streams: int) -> None:
        """The venue has refused so many subscriptions."""
        self._refused += streams

    def fetch(self, fetch: Fetch, then: Callable[[bytes], None], failed: Callable[[str], None]) -> None:
        """Fetch in the background, within the budget, a few at once."""

        async def work() -> None:
            try:
                then(await self._get(fetch.url))
            except RestError as error:
                failed(str(error))

        task = asyncio.create_task(work())
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    def _pause(self, *, paused: bool) -> None:
        self._paused = paused
        for lane in self._lanes:
            lane.pause(paused=paused)

    # Work.

    async def _work(self) -> None:
        try:
            await self._load_at_last()
            plan = self.plan()
            await self._start(plan)
            while True:
                await asyncio.sleep(1.0)
                self._follow_listings()
        finally:
            for task in (*self._running.values(), *self._fetching):
                task.cancel()
            await asyncio.gather(*self._running.values(), *self._fetching, return_exceptions=True)

    async def _load_at_last(self) -> None:
        """Try until the lists are there: a network may come later."""
        trying = Reconnecting([""], self.chance)
        while not self._wanted:
            try:
                await self.load()
            except FeedError as error:
                if not error.retry:
                    raise
                reason = f"no lists of instruments yet: {error}"
                self.publish([Fault(self.venue, self.clock.now(), reason)], self.clock.now())
                trying.ended(0.0)
                await asyncio.sleep(trying.wait_s())

    async def load(self) -> None:
        """Get the lists of instruments; `FeedError` if they cannot be had, or if nothing fits."""
        lists = self._lister.lists(Wants(self.settings.instruments))
        try:
            for fetch in lists:
                await self._load(fetch)
        except RestError as error:
            raise FeedError(
                f"{self.venue}: cannot get the list of instruments: {error}; is there a network? "
                f"--endpoint {self.venue}=ws://HOST:PORT names another address",
                retry=True,
            ) from error
        if not lists:
            await self._load_by_stream()
        self._wanted = dict.fromkeys(sorted(i.name for i in self._active() if self._fits(i)))
        if not self._wanted:
            raise FeedError(self._nothing_fits(), retry=not self._active())  # in maintenance it lists nothing

    async def _load(self, fetch: Fetch) -> None:
        pages = deque([fetch])
        while pages:
            page = pages.popleft()
            body = await self._get(page.url)
            outputs = self._lister.fetched(page.tag, body, self.clock.now())
            self.lists[page.tag] = page.url, body
            pages.extend(output for output in outputs if isinstance(output, Fetch))
            if not self._active() and (faults := [o for o in outputs if isinstance(o, Fault)]):
                raise RestError(faults[0].reason)

    async def _load_by_stream(self) -> None:
        """The venue lists its instruments on a connection."""
        streams = [
            stream
            for stream in self._lister.streams(Wants(self.settings.instruments, frozenset()))
            if stream.topic == "list"
        ]
        lane = self._make_lane(0, "", streams, self._lister)
        running = asyncio.create_task(lane.run())
        try:
            async with asyncio.timeout(LIST_WAIT_S):
                known = -1
                while not self._active() or len(self._active()) > known:
                    known = len(self._active())
                    await asyncio.sleep(LIST_PAUSE_S)
                    if lane.why and not self._active():
                        raise FeedError(
                            f"{self.venue}: cannot get the list of instruments: {lane.why}", retry=True
                        )
        except TimeoutError:
            raise FeedError(
                f"{self.venue}: no list of instruments within {LIST_WAIT_S:g} s", retry=True
            ) from None
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _active(self) -> list[Instrument]:
        return self._lister.listed()

    def _fits(self, instrument: Instrument) -> bool:
        return any(fnmatchcase(instrument.name, pattern) for pattern in self.settings.instruments)

    def _nothing_fits(self) -> str:
        names = sorted(instrument.name for instrument in self._active())
        shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        patterns = " ".join(self.settings.instruments)
        return f"{self.venue}: none of {len(names)} instruments fits {patterns}; there are {shown or 'none'}"

    def plan(self) -> Plan:
        """The connections for what fits, once the lists are loaded."""
        return make_plan(self._make_venue, self._wants(self._wanted))

    def _wants(self, names: Iterable[str]) -> Wants:
        return Wants(tuple(names), self.settings.topics)

    def _make_venue(self) -> Venue:
        return make_venue(self.venue)

    async def _start(self, plan: Plan) -> None:
        for problem in plan.problems:
            log.warning("the plan exceeds a limit", venue=self.venue, problem=problem)
        log.info(
            "connecting",
            venue=self.venue,
            instruments=len(self._wanted),
            connections=len(plan.connections),
            seconds=round(plan.seconds, 1),
        )
        self._started_ns = self.clock.now()
        self._awaited.update(self._wanted if "book" in self.settings.topics else ())
        for connection in plan.connections:
            self._add_lane(connection.path, connection.streams)
        if self.lists or self._lister.limits.lists_when_asked:
            listing = asyncio.create_task(self._keep_lists())
            self._fetching.add(listing)
            listing.add_done_callback(self._fetching.discard)

    def _add_lane(self, path: str, streams: Sequence[Stream]) -> None:
        venue = self._make_venue()
        lane = self._make_lane(len(self._lanes) + 1, path, streams, venue)
        for tag, (url, body) in self.lists.items():
            lane.learn(tag, url, body)
        self._lanes.append(lane)
        self._running[lane.number] = asyncio.create_task(lane.run())

    def _make_lane(self, number: int, path: str, streams: Sequence[Stream], venue: Venue) -> Lane:
        bases = self.settings.endpoints
        endpoints = socket_addresses(venue.limits, path or next(iter(venue.limits.endpoints)), bases)
        return Lane(
            number,
            path,
            venue,
            streams=streams,
            context=self,
            endpoints=endpoints,
            pool=self._pool,
            redundant=self.settings.second_connection,
        )

    async def _keep_lists(self) -> None:
        """Fetch the lists again now and then, and soon if an instrument may have ended; never returns."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LISTS_EVERY_S * (0.9 + 0.2 * self.chance())):
                    await self._doubted.wait()
            self._doubted.clear()
            if self._lister.limits.lists_when_asked:
                for lane in self._lanes[:1]:  # what it hears is told to all
                    lane.ask_lists()
            for tag in [*self.lists]:
                for fetch in self._lister.lists(Wants(self.settings.instruments)):
                    if fetch.tag == tag:
                        await self._refresh(fetch)
            await asyncio.sleep(LISTS_SOON_S)

    async def _refresh(self, fetch: Fetch) -> None:
        pages = deque([fetch])
        while pages:
            page = pages.popleft()
            try:
                body = await self._get(page.url)
            except RestError as error:
                self.publish([Fault(self.venue, self.clock.now(), f"{page.tag}: {error}")], self.clock.now())
                return
            self.lists[page.tag] = page.url, body
            outputs = self._lister.fetched(page.tag, body, self.clock.now())
            for output in outputs:
                if isinstance(output, Fetch):
                    pages.append(output)
                elif isinstance(output, Listing):
                    self.listed(output)
            for lane in self._lanes:
                lane.learn(page.tag, page.url, body)

    def _follow_listings(self) -> None:
        """Subscribe to what was listed, where there is room, and unsubscribe from what has ended."""
        for name in self._gone:
            self._wanted.pop(name, None)
            for lane in self._lanes:
                lane.remove(name)
        self._gone.clear()
        fresh, self._fresh = self._fresh, {}
        for name, instrument in fresh.items():
            if name in self._wanted:
                continue
            self._wanted[name] = None
            now = self.clock.now()
            self.publish([Listing(instrument, now)], now)
            by_path: dict[str, list[Stream]] = {}
            for stream in self._lister.streams(self._wants([name])):
                by_path.setdefault(stream.path, []).append(stream)
            for path, streams in by_path.items():
                self._place(name, path, streams)

    def _place(self, name: str, path: str, streams: list[Stream]) -> None:
        """Subscribe on a connection that has room, else on a new one.

        After a rename the old subscription goes on under the new name (OKX, 2026-06-02). It can only be ended by that
        name, and the state machine of that connection has a book that nobody has seen, so it cannot be used.
        """
        free: Lane | None = None
        for lane in self._lanes:
            if lane.path != path:
                continue
            if lane.venue.progress(name):
                lane.unsubscribe(streams)
            elif free is None and has_room(lane.venue, lane.streams, streams):
                free = lane
        if free is None:
            self._add_lane(path, streams)
        else:
            free.add(streams)

    # REST.

    async def _get(self, url: str) -> bytes:
        """The body of an answer with status 200, within the budget; `RestError` after a few attempts."""
        addresses = rest_addresses(self._lister.limits, url, self.settings.endpoints)
        cost = self._lister.limits.cost(url)
        problem = ""
        for attempt in range(RETRIES):
            if attempt:
                await asyncio.sleep(RETRY_S * 2**attempt * self.chance())
            async with self._at_once:
                await afford([self._weight], cost, self.clock)
                try:
                    answer = await self._rest.get(addresses[attempt % len(addresses)])
                except (RestError, TimeoutError) as error:
                    problem = str(error) or "no answer in time"
                    continue
            self._observe(answer)
            if answer.status == 200:
                return answer.body
            problem = f"HTTP status {answer.status} {answer.body[:100].decode(errors='replace')}".strip()
            if 400 <= answer.status < 500 and answer.status not in (408, 418, 429):
                break
        raise RestError(problem)

    def _observe(self, answer: Answer) -> None:
        """What the venue says of its budget."""
        if self._weight is None:
            return
        now = self.clock.now()
        used = answer.headers.get(self._lister.limits.used_weight_header or "-", "")
        if used.isdecimal():
            self._weight.observe(int(used), now)
        if answer.status in (418, 429):
            stay_away_s = answer.retry_after_s or (BANNED_S if answer.status == 418 else 1.0)
            self._weight.block(now + int(stay_away_s * SECOND_NS))


def _auditor(venue: Venue) -> Auditor | None:
    """Audits of all connections together use a part of what the venue allows."""
    image, rate = venue.image_url("X"), venue.limits.weight
    if image is None or rate is None:
        return None
    per_minute = int(rate.amount * 60 / rate.seconds * AUDIT_SHARE)
    return Auditor(AuditBudget(venue.limits.cost(image), per_minute))


def open_live(
    settings: LiveSettings,
    clock: Clock,
    *,
    allowances: Allowances | None = None,
    tls: ssl.SSLContext | None = None,
    tap: Tap | None = None,
) -> LiveSource:
    """A live source, which tells `tap` what passes; `UsageError` if the venue or an endpoint is not usable."""
    if not settings.instruments:
        raise UsageError(f"{settings.venue}: no instruments; --instruments '*' means all")
    return LiveSource(settings, clock, allowances=allowances, tls=tls, tap=tap)
