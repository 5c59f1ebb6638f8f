"""One connection to a venue that heals itself: its streams, its state machine, and one or two sockets.

A lane fails and recovers alone. A socket that ends is replaced after a backoff; one that the venue is about to close is
replaced first, and both are joined by the venue's own ids, so that no book becomes stale.
"""

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

import structlog

from deltawire.book.auditor import Auditor
from deltawire.errors import NOT_DECODED
from deltawire.model.events import (
    BookDelta,
    BookImage,
    Event,
    Fault,
    Listing,
    Status,
    Ticker,
    Trade,
    VenueStatus,
)
from deltawire.model.live import LaneStatus
from deltawire.ports import Ask, Clock, Fetch, Output, Receipt, Reconnect, Send, Stream, Tap, Venue
from deltawire.sources.live.pacing import afford
from deltawire.sources.live.sockets import CONNECT_ERRORS, Socket, open_socket, refusal
from deltawire.sources.live.tapping import Lists, Tapping
from deltawire.venues.live.allowance import Allowance, Allowances
from deltawire.venues.live.joining import Joining
from deltawire.venues.live.ledger import QUIET_S, SECOND_NS, Ledger
from deltawire.venues.live.pauses import Pauses
from deltawire.venues.live.reconnecting import Reconnecting

log = structlog.get_logger("deltawire")
SWEEP_S = 0.25
UNNEEDED = "not needed any more"
ORDERED = BookImage | BookDelta | Trade
"""What has ids, so that the second socket may tell it too; of two tickers nobody knows which is newer."""
JOIN_S = 60.0
"""A second socket that has not joined all books after so long replaces the first one anyway."""
FOLLOW_S = 60.0
"""For so long after the first socket has ended, repetitions of what it told are recognised."""
AUDITS_BESIDE = 2
"""Images that are being fetched; while there are so many, none is requested for an audit."""
SILENT_AGAIN = 3
"""How often a silent stream is subscribed again before only its connection's end helps."""


class Context(Protocol):
    """What a lane needs of its source."""

    clock: Clock
    allowances: Allowances
    tap: Tap | None
    lists: Lists
    chance: Callable[[], float]
    tls: ssl.SSLContext | None
    auditor: Auditor | None
    """Chooses books to audit, within the venue's budget; None where images come by the stream."""

    def publish(self, events: list[Event], at_ns: int) -> None:
        """Events of this lane, in order."""

    def listed(self, listing: Listing) -> None:
        """An instrument of the venue became known or was redefined, whoever wants it."""

    def doubt_lists(self) -> None:
        """Instruments may have ended without a word."""

    def stated(self, status: VenueStatus, path: str) -> bool:
        """A lane of this path has heard how the venue is; returns whether no other has before."""

    def statuses(self, path: str) -> list[VenueStatus]:
        """What lanes of other paths than this one have heard, the newest of each announcement."""

    def count_refused(self, streams: int) -> None:
        """The venue has refused so many subscriptions."""

    def fetch(self, fetch: Fetch, then: Callable[[bytes], None], failed: Callable[[str], None]) -> None:
        """Fetch within the budget."""


class _Link:
    """A socket of a lane, and the messages that wait to be sent on it."""

    def __init__(self, url: str, now: int, budgets: Sequence[Allowance]) -> None:
        self.url = url
        self.opened_ns = self.heard_ns = now
        self.pinged_ns = now
        self.outbox: asyncio.Queue[str] = asyncio.Queue()
        self.budgets = budgets
        self.socket: Socket | None = None
        self.sending: asyncio.Task[None] | None = None
        self.early: list[bytes] | None = []
        """What the venue said before the lane was ready for it: some greet at once."""

    def take_early(self) -> list[bytes]:
        """What was said before now; from now on nothing is early."""
        early, self.early = self.early, None
        return early or []

    @property
    def ended(self) -> bool:
        """Whether its socket has ended."""
        return self.socket is None or self.socket.ended.is_set()

    def put(self, sends: Iterable[Send]) -> None:
        """These messages are sent in turn, within the budgets."""
        for send in sends:
            self.outbox.put_nowait(send.frame)

    def count_beat(self, now: int) -> None:
        """A ping or pong was sent: it counts like a message, and is never held back."""
        for budget in self.budgets:
            budget.take(1, now)


class Lane:
    """Runs until it is cancelled. `endpoints` are the addresses of its path, the preferred one first."""

    def __init__(
        self,
        number: int,
        path: str,
        venue: Venue,
        *,
        streams: Iterable[Stream],
        context: Context,
        endpoints: Sequence[str],
        pool: str,
        redundant: bool = False,
    ) -> None:
        """`redundant`: a second socket all the time, of whose messages the first to arrive is used.

        Number 0 is not recorded.
        """
        self.number = number
        self.path = path
        self.venue = venue
        self.redundant = redundant and venue.limits.joins
        self._context = context
        self._pool = pool
        self._clock = context.clock
        self._read_ns = 0
        self._tapped = bool(number) and context.tap is not None
        self._tapping = Tapping(context.tap if number else None, f"{venue.name}/{number}", context.clock)
        self._streams = {stream.name: stream for stream in streams}
        self.names = {stream.instrument for stream in self._streams.values() if stream.instrument}
        self.book_names = {s.instrument for s in self._streams.values() if s.topic == "book"}
        limits = venue.limits
        self._reconnecting = Reconnecting(endpoints, context.chance, lifetime_s=limits.lifetime_s)
        self._ledger = self._make_ledger()
        self._pauses: defaultdict[str, Pauses] = defaultdict(Pauses)
        """By the names of its books."""
        self._first: _Link | None = None
        self._second: _Link | None = None
        self._joining: Joining | None = None
        self._joining_until = 0
        self._replacement: asyncio.Task[None] | None = None
        self._replace_at: int | None = None
        self._fetching: set[str] = set()
        self._audit_ns = 0
        self._silent: dict[str, int] = {}
        self.reconnects = -1
        self.joins = 0
        self.why = ""

    @property
    def streams(self) -> list[Stream]:
        """Its subscriptions."""
        return list(self._streams.values())

    def status(self) -> LaneStatus:
        """Its state for metrics."""
        links = [link for link in (self._first, self._second) if link]
        joining = self._joining
        return LaneStatus(
            number=self.number,
            path=self.path,
            endpoint=links[0].url if links else self._reconnecting.endpoint,
            sockets=len(links),
            joined=joining is not None and len(links) > 1 and self._is_joined(joining),
            reconnects=max(0, self.reconnects),
            streams={state.value: count for state, count in self._ledger.counts().items()},
            queued=sum(link.outbox.qsize() for link in links),
            why=self.why,
        )

    def _make_ledger(self) -> Ledger:
        """Where images are fetched, that of a book whose stream is granted and says nothing is fetched too."""
        fetched = any(self.venue.image_url(name) is not None for name in self.book_names)
        acknowledges = self.venue.limits.acknowledges
        return Ledger(acknowledges=acknowledges, quiet_s=QUIET_S if fetched else 0.0)

    # The life of the connection.

    async def run(self) -> None:
        """Connect, serve, and connect again; never returns."""
        retry_after_s = 0.0
        waits = False
        try:
            while True:
                if waits:
                    await asyncio.sleep(self._reconnecting.wait_s(retry_after_s))
                link, retry_after_s = await self._open()
                waits = True
                if link is None:
                    self._reconnecting.ended(0.0)
                    continue
                began_ns = self._now()
                await self._serve(link)
                self._reconnecting.ended((self._now() - began_ns) / SECOND_NS)
        finally:
            await self._close()

    async def _open(self) -> tuple[_Link | None, float]:
        """A socket, or None and how long the venue wants us to stay away."""
        limits, pools = self.venue.limits, self._context.allowances
        connects = pools.of(self._pool, "connects", limits.connects)
        await afford([connects], 1, self._context.clock)
        messages = [Allowance(limits.messages)] if limits.messages else []
        shared = pools.of(self._pool, "messages", limits.messages_of_address)
        link = _Link(self._reconnecting.endpoint, self._now(), [*messages, *([shared] if shared else [])])

        def beat(asked: bool) -> None:
            """A sign of life; an answer to a ping counts where pongs count."""
            now = self._now()
            link.heard_ns = now
            self.venue.heard(now)
            self._tapping.alive()
            if asked and limits.pongs_count:
                link.count_beat(now)

        try:
            link.socket = await open_socket(
                link.url,
                partial(self._take, link),
                beat=beat,
                max_message_size=limits.max_message_size,
                tls=self._context.tls,
            )
        except CONNECT_ERRORS as error:
            why, status = refusal(error)
            self.why = f"{link.url}: {why}"
            if connects and status in (418, 429):
                connects.block(self._now() + 60 * SECOND_NS)
            self._tell([Fault(self.venue.name, self._now(), f"cannot connect to {self.why}")])
            return None, 60.0 if status in (418, 429) else 0.0
        link.sending = asyncio.create_task(self._send(link))
        return link, 0.0

    async def _serve(self, link: _Link) -> None:
        """Subscribe, and let time pass until no socket is left."""
        self._first = link
        self.reconnects += 1
        self._plan_replacement()
        self._ledger = self._make_ledger()
        self._pauses.clear()
        self._silent.clear()
        now = self._now()
        self._tapping.connected(link.url, self._context.lists)
        self._handle(self.venue.connected(now), now, link)
        self._begin(link)
        for status in self._context.statuses(self.path):
            self.told(status)
        self._subscribe(self.streams, link)
        ended = ""
        try:
            await self._live()
            ended = self.why or "ended"
        finally:
            self._tapping.noted("closed", reason=ended)
            await self._end_replacement()
            self._joining = None
            now = self._now()
            self._handle(self.venue.closed(now), now, None)

    async def _live(self) -> None:
        """Until the first socket has ended, and no second one takes its place."""
        while (link := self._first) is not None:
            while link.socket is not None and not link.ended:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(link.socket.ended.wait(), self._sweep())
            self.why = link.socket.why if link.socket else ""
            _end(link, self.why)
            self._promote()

    def _promote(self) -> None:
        """The first socket has ended: the second one, if there is one, continues."""
        second, self._first, self._second = self._second, None, None
        if second is None or second.ended:
            return
        self._first = second
        self._tapping.noted("replaced", url=second.url, reason=self.why)
        self._joining_until = self._now() + int(FOLLOW_S * SECOND_NS)
        if self._joining is not None:
            for frame in self._joining.end_of_first():
                self._use(frame, second, self._now())
        self._plan_replacement()

    async def _close(self) -> None:
        await self._end_replacement()
        await self._close_first(UNNEEDED)
        if self._first is not None:
            _end(self._first, UNNEEDED)
        self._first = None

    async def _close_first(self, why: str) -> None:
        if self._first is not None and self._first.socket is not None:
            await self._first.socket.close(why)

    # A second socket.

    def _plan_replacement(self) -> None:
        after_s = self._reconnecting.replace_after_s()
        self._replace_at = None if after_s is None else self._now() + int(after_s * SECOND_NS)

    def replace(self, why: str) -> None:
        """Open a second socket beside the first one."""
        if self._replacement is None or self._replacement.done():
            self._replacement = asyncio.create_task(self._join(why))

    async def _join(self, why: str) -> None:
        """Open a second socket; once it has everything that the first one has, end the first (unless redundant)."""
        if not self.venue.limits.joins:
            await self._close_first(why)
            return
        while True:
            link, retry_after_s = await self._open()
            if link is not None:
                break
            self._reconnecting.ended(0.0)
            await asyncio.sleep(self._reconnecting.wait_s(retry_after_s))
        self._joining = Joining(self.venue.identity, self._book_id)
        self._joining_until = 0
        self._second = link
        self.joins += 1
        self._begin(link)
        link.put((*self.venue.greeting(), *self.venue.subscribe(self.streams)))
        await self._joined(link, why)

    async def _joined(self, link: _Link, why: str) -> None:
        until_ns = self._now() + int(JOIN_S * SECOND_NS)
        while not link.ended and self._second is link:
            everything = self._joining is not None and self._is_joined(self._joining)
            if not self.redundant and (everything or self._now() >= until_ns):
                await self._close_first(why)
                return
            await asyncio.sleep(SWEEP_S)
        if self._second is link:
            _end(link, "")
            self._second = self._joining = None

    def _is_joined(self, joining: Joining) -> bool:
        """Whether every live book continues on the second socket without a gap."""
        return not joining.over and all(map(joining.joined, self._live_books()))

    def _live_books(self) -> list[str]:
        return [name for name in self.book_names if self._book_id(name) is not None]

    def _book_id(self, symbol: str) -> int | None:
        return self.venue.live_id(symbol)

    async def _end_replacement(self) -> None:
        if self._replacement is not None:
            self._replacement.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._replacement
            self._replacement = None
        if self._second is not None:
            _end(self._second, UNNEEDED)
        self._second = None

    # Messages of the venue.

    def _begin(self, link: _Link) -> None:
        """The lane is ready for what comes on a socket."""
        for frame in link.take_early():
            self._take(link, frame)

    def _take(self, link: _Link, frame: bytes) -> None:
        if link.early is not None:
            link.early.append(frame)
            return
        now = self._read_ns
        if not now:
            now = self._read_ns = self._clock.now()
            asyncio.get_running_loop().call_soon(self._end_read)
        link.heard_ns = now
        joining = self._joining
        if joining is None:
            self._use(frame, link, now)
        else:
            leads = link is self._first and not joining.over
            self._use_all(joining.first if leads else joining.second, frame, link)

    def _end_read(self) -> None:
        """All messages that one read of the sockets has given are of one time."""
        self._read_ns = 0

    def _use_all(self, choose: Callable[[bytes], list[bytes]], frame: bytes, link: _Link) -> None:
        try:
            frames = choose(frame)
        except (*NOT_DECODED, ValueError):
            frames = [frame]  # whose fault it is, the state machine says
        for each in frames:
            self._use(each, link, self._read_ns)

    def _use(self, frame: bytes, link: _Link, now: int) -> None:
        beside = link is self._second
        if self._tapped and not beside:
            self._tapping.received(frame)
        try:
            outputs = self.venue.received(frame, now)
        except Exception as error:
            log.exception("defect", venue=self.venue.name)
            self._tell([Fault(self.venue.name, now, f"defect: {type(error).__name__}")])
            if link.socket is not None:
                link.socket.end("a message that could not be handled")
            return
        if len(outputs) == 1 and type(change := outputs[0]) is BookDelta:
            used = change.instrument.name in self.names  # nearly every message, so without what others need
            if used:
                self._context.publish([change], now)
        else:
            used = bool(outputs) and self._handle(outputs, now, link)
        if beside and used:
            self._tapping.received(frame)

    def _handle(self, outputs: Sequence[Output], now: int, link: _Link | None, *, news: bool = True) -> bool:
        """Publish events, and do what is asked; `news`: what is listed may be new to the source.

        Returns whether there was any event of this lane.
        """
        events: list[Event] = []
        if any(type(each) is Status and each.reason == "silent" for each in outputs):
            self._ask_streams(outputs)
        for output in outputs:
            if isinstance(output, Ask):
                events += self._do(output, now, link)
                continue
            if news and isinstance(output, Listing):
                self._context.listed(output)
            if self._is_ours(output, link) and self._is_news(output):
                events.append(output)
                if isinstance(output, Ticker):
                    self._ledger.heard(output, now)
                    self._quoted(output, now)
                elif isinstance(output, Trade):
                    self._ledger.heard(output, now)
        if events:
            self._tapping.told(events)
            self._context.publish(events, now)
        return bool(events)

    def _quoted(self, ticker: Ticker, now: int) -> None:
        bid, ask = ticker.best_bid_price, ticker.best_ask_price
        if bid is not None and ask is not None:
            self._pauses[ticker.instrument.name].quoted(bid, ask, now)

    def _ask_streams(self, outputs: Sequence[Output]) -> None:
        """Streams of books that have stopped are asked for again, where images are not a part of them."""
        if self._first is None or any(isinstance(each, Reconnect) for each in outputs):
            return
        names = {each.instrument.name for each in outputs if isinstance(each, Status)}
        names = {name for name in names if self.venue.image_url(name) is not None}
        streams = [
            each for each in self._streams.values() if each.topic == "book" and each.instrument in names
        ]
        if streams:
            self._first.put(self.venue.unsubscribe(streams))
            self._subscribe(streams, self._first)

    def _is_news(self, event: Event) -> bool:
        """A status of the venue comes on several connections; it is told once."""
        return not isinstance(event, VenueStatus) or self._context.stated(event, self.path)

    def told(self, status: VenueStatus) -> None:
        """Another lane has heard how the venue is."""
        if self._first is not None:
            self._tapping.stated(status)
            now = self._now()
            self._handle(self.venue.stated(status, now), now, self._first)

    def _is_ours(self, event: Event, link: _Link | None) -> bool:
        """Events of instruments on this lane; of those on several, only the lane of the book defines them."""
        if isinstance(event, VenueStatus):
            return True
        instrument = getattr(event, "instrument", None)
        if instrument is None or isinstance(instrument, str):
            return link is None or link is not self._second
        if isinstance(event, (Listing, Status)):
            return instrument.name in (self.book_names or self.names)
        if link is not None and link is self._second and not isinstance(event, ORDERED):
            return False
        return instrument.name in self.names

    def _do(self, ask: Ask, now: int, link: _Link | None) -> list[Event]:
        if isinstance(ask, Send):
            target = link or self._first
            if target is not None:
                target.put([ask])
        elif isinstance(ask, Fetch):
            self._fetch(ask)
        elif isinstance(ask, Receipt):
            if link is not self._first:
                return []
            self._tapping.answered(ask)
            return self._answered(ask, now)
        elif isinstance(ask, Reconnect):
            if ask.planned and link is self._first:
                self.replace(ask.reason)
            elif link is None or link is self._first:
                self._drop_first(ask.reason)
        return []

    def _drop_first(self, why: str) -> None:
        if self._first is not None and self._first.socket is not None:
            self._first.socket.end(why)

    def _answered(self, receipt: Receipt, now: int) -> list[Event]:
        """Refused subscriptions are told to whoever subscribes to the book, and counted."""
        return self._refused(self._ledger.answered(receipt, now), receipt.reason, now)

    def _refused(self, streams: Sequence[Stream], why: str, now: int) -> list[Event]:
        self._context.count_refused(len(streams))
        if streams:
            self._context.doubt_lists()
        events: list[Event] = []
        for stream in streams:
            events.append(Fault(self.venue.name, now, f"refused {stream.name}: {why}", stream.instrument))
            if stream.topic == "book":
                self._tapping.refused_book(stream.instrument, why)
                outputs = self.venue.refused_book(stream.instrument, why, now)
                events += [each for each in outputs if not isinstance(each, Ask)]
        return events

    # Requests.

    def _subscribe(self, streams: Sequence[Stream], link: _Link) -> None:
        self._ledger.asked(streams, self._now())
        self._tapping.asked(streams)
        link.put(self.venue.subscribe(streams))

    async def _send(self, link: _Link) -> None:
        """Send what waits, within the budgets; never returns."""
        while True:
            frame = await link.outbox.get()
            await afford(link.budgets, 1, self._context.clock)
            if link.socket is not None:
                self._tapping.sent(frame)
                link.socket.send(frame)

    def _fetch(self, fetch: Fetch) -> None:
        if fetch.tag in self._fetching:
            return
        self._fetching.add(fetch.tag)
        self._tapping.requested(fetch.url)

        def then(body: bytes) -> None:
            self._fetching.discard(fetch.tag)
            now = self._now()
            self._tapping.fetched(fetch.url, body)
            self._handle(self.venue.fetched(fetch.tag, body, now), now, self._first)

        def failed(why: str) -> None:
            self._fetching.discard(fetch.tag)
            self._tell([Fault(self.venue.name, self._now(), f"{fetch.tag}: {why}")])

        self._context.fetch(fetch, then, failed)

    def learn(self, tag: str, url: str, body: bytes) -> None:
        """An instrument list, or a page of one, has arrived; its other pages follow."""
        now = self._now()
        if self._first is not None:  # else it is told with the connection
            self._tapping.fetched(url, body)
        outputs = [each for each in self.venue.fetched(tag, body, now) if not isinstance(each, Fetch)]
        self._handle(outputs, now, self._first, news=False)

    def add(self, streams: Sequence[Stream]) -> None:
        """Subscribe to more."""
        fresh = [stream for stream in streams if stream.name not in self._streams]
        self._streams |= {stream.name: stream for stream in fresh}
        self.names |= {stream.instrument for stream in fresh if stream.instrument}
        self.book_names |= {stream.instrument for stream in fresh if stream.topic == "book"}
        if self._first is not None and fresh:
            self._subscribe(fresh, self._first)
            if self._second is not None:
                self._second.put(self.venue.subscribe(fresh))

    def ask_lists(self) -> None:
        """Ask for the instrument lists again."""
        if self._first is not None:
            self._first.put(self.venue.subscribe([each for each in self.streams if each.topic == "list"]))

    def remove(self, instrument: str) -> None:
        """Unsubscribe from an instrument."""
        gone = [stream for stream in self._streams.values() if stream.instrument == instrument]
        for stream in gone:
            del self._streams[stream.name]
        self.names.discard(instrument)
        self.book_names.discard(instrument)
        self._pauses.pop(instrument, None)
        self._ledger.ended(gone)
        self.unsubscribe(gone)

    def unsubscribe(self, streams: Sequence[Stream]) -> None:
        """Ask the venue to end streams, whether they are this lane's or not."""
        if not streams:
            return
        sends = self.venue.unsubscribe(streams)
        for link in (self._first, self._second):
            if link is not None:
                link.put(sends)

    def pause(self, *, paused: bool) -> None:
        """Stop or resume reading."""
        for link in (self._first, self._second):
            if link is not None and link.socket is not None:
                link.socket.pause(paused=paused)

    # Time.

    def _sweep(self) -> float:
        """Do what is due; returns seconds until something may be due again."""
        now = self._now()
        deadline = self.venue.deadline()
        if deadline is not None and deadline <= now:
            self._handle(self.venue.tick(now), now, None)
        self._check_streams(now)
        self._check_sockets(now)
        self._audit(now)
        if self._joining is not None and self._joining.over and now >= self._joining_until:
            self._joining = None
        if self.redundant and self._second is None:
            self.replace("a second connection")
        if self._replace_at is not None and now >= self._replace_at:
            self._replace_at = None
            self.replace("the venue is about to close it")
        deadline = self.venue.deadline()
        if deadline is None:
            return SWEEP_S
        return min(SWEEP_S, max(0.001, (deadline - now) / SECOND_NS))

    def _audit(self, now: int) -> None:
        """Compare a book with a new image, the sooner the nearer the market is to the edge of what is known."""
        auditor = self._context.auditor
        if auditor is not None and now >= self._audit_ns and len(self._fetching) < AUDITS_BESIDE:
            self._audit_ns = now + SECOND_NS
            self._handle(self.venue.audit_next(auditor.choose, now), now, self._first)

    def _check_sockets(self, now: int) -> None:
        limits = self.venue.limits
        for link in (self._first, self._second):
            if link is None or link.socket is None:
                continue
            if limits.ping == "frame" and now >= link.pinged_ns + int(limits.ping_s * SECOND_NS):
                link.pinged_ns = now
                link.socket.ping()
                if limits.pongs_count:
                    link.count_beat(now)
            if self._second is not None and now >= link.heard_ns + self.venue.silence_ns:
                link.socket.end("silent")

    def _check_streams(self, now: int) -> None:
        for stream in self._streams.values():
            if stream.topic == "book":
                progress = self.venue.progress(stream.instrument)
                self._ledger.progressed(stream, progress, now)
                pauses = self._pauses[stream.instrument]
                pauses.progressed(progress, now)
                self._check_pause(stream.instrument, pauses, now)
        due = self._ledger.overdue(now)
        if not due or self._first is None:
            return
        events = self._refused(due.given_up, "no answer from the venue", now)
        if due.unanswered:
            self._subscribe(due.unanswered, self._first)
        for stream in due.quiet:
            self._tapping.fell_silent(stream.instrument)
            self._handle(self.venue.fell_silent(stream.instrument, now), now, self._first)
        if due.silent:
            self._context.doubt_lists()
        for stream in due.silent:
            times = self._silent[stream.name] = self._silent.get(stream.name, 0) + 1
            events.append(
                Fault(self.venue.name, now, f"{stream.name}: granted, but silent", stream.instrument)
            )
            if times > SILENT_AGAIN:
                continue
            if stream.topic == "book":
                self._tapping.fell_silent(stream.instrument)
                self._handle(self.venue.fell_silent(stream.instrument, now), now, self._first)
            else:
                self._first.put(self.venue.unsubscribe([stream]))
                self._subscribe([stream], self._first)
        self._tell(events)

    def _check_pause(self, name: str, pauses: Pauses, now: int) -> None:
        """Whether the stream of a book has stopped, by what a ticker says, or may have, by its own pace."""
        auditor = self._context.auditor
        if pauses.lasts(now) and (top := self.venue.top(name)) and pauses.has_stopped(top, now):
            self._tapping.fell_silent(name)
            self._handle(self.venue.fell_silent(name, now), now, self._first)
        elif auditor is not None and pauses.is_unusual(now):
            auditor.doubt(name)

    def _tell(self, events: list[Event]) -> None:
        if events:
            self._tapping.told(events)
            self._context.publish(events, self._now())

    def _now(self) -> int:
        return self._clock.now()


def _end(link: _Link, why: str) -> None:
    """End a socket and what is sent on it."""
    if link.sending is not None:
        link.sending.cancel()
    if link.socket is not None:
        link.socket.end(why)
