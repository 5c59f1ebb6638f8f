"""Book channels: every change (`raw`), merged changes at an interval, and the best levels grouped by price."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from deltawire.book.checksums import levels_checksum
from deltawire.book.kernel import Pending, Side, Top
from deltawire.book.ladder import Ladder, changes_between
from deltawire.book.merging import ReaderCheckpoints
from deltawire.dialect.grammar import ChannelKey
from deltawire.fanout.channel import InstrumentChannel, Opening, Recovered, Timers
from deltawire.fanout.subscribers import SubscriberGroups
from deltawire.market.book_log import BookEntry, is_news, known_after, ladder_before, sizes_before
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Listing, Status
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import KnownRange
from deltawire.model.numbers import unit
from deltawire.wire.notifications import BookNote, BookStatus, GroupedNote, all_new, level_pairs

CHECKED_LEVELS = 10
REFRESH = 16
"""With every so many-th event a channel publishes what it shows, even if that is unchanged.

So what it published last is found among the newest events, however long ago what it shows changed.
"""


class _Context(NamedTuple):
    """What a reader that is behind knows: the id of its book, and how many changes of its status it has received."""

    change_id: int
    news: int


class _Start(NamedTuple):
    """Where a channel stands that opens now, and the events since, which it has not published yet."""

    seq: int
    change_id: int
    at_ns: int
    held: list[BookEntry]
    known: KnownRange


class _BookChannel(InstrumentChannel):
    """A channel of the whole book or of a part of it; its position is the number of the newest event published."""

    waits = True
    merges = True
    selects = True
    """Whether it publishes only what differs from what it published last."""

    def __init__(
        self, key: ChannelKey, market: Market, groups: SubscriberGroups, timers: Timers, opening: Opening
    ) -> None:
        super().__init__(key, market, groups, timers, opening)
        if key.beyond and self.state.whole is not None:
            self.state = self.state.whole

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """An event; whoever asked for levels beyond the known range has them in the same book."""
        if self.key.beyond and state is not None and state.whole is not None:
            self.state = state.whole
            if isinstance(event, (BookDelta, BookImage)):
                _, _, _, event = self.state.book_log.entries[-1]
        if not isinstance(event, BookDelta) or event.covers:
            self.take(event)

    def take(self, event: Event) -> None:
        """An event of this channel's book."""
        raise NotImplementedError

    def same(self, segment: list[BookEntry], later: list[BookEntry]) -> bool:
        """Whether a segment, behind which these came later, has left what the channel shows as it was."""
        before, after = self.view_before(segment[::-1] + later), self.view_before(later)
        return bool(before == after)

    def view(self, ladder: Ladder) -> Any:
        """The part of the book that the channel shows."""
        raise NotImplementedError

    def view_before(self, entries: list[BookEntry]) -> Any:
        """That part as it was before the newest events."""
        state = self.state
        return self.view(ladder_before(state.ladder, *sizes_before(entries, state.instrument)))

    def start(self) -> _Start | None:
        """Where the events so far have led; None when too few are kept, until the interval at hand is over."""
        segments = self.state.book_log.segments(self.interval_ns)
        segment = next(segments, None)
        held: list[BookEntry] = []
        if segment is not None and not is_news(segment) and self.in_interval(segment[0][1]):
            held = segment[::-1]
            segment = next(segments, None)
        if segment is None:
            return None if held else self.here()
        sent, later = self._last_sent(segment, segments, held) if self.selects else (segment, held)
        return _Start(sent[0][0], *self._book_at(sent, later), held, self._known_at(sent[0][0], held))

    def here(self) -> _Start:
        """Where the channel stands if all events so far have been published."""
        state = self.state
        return _Start(state.book_published, state.sequence, state.book_ns, [], state.known_range)

    def _known_at(self, number: int, later: list[BookEntry]) -> KnownRange:
        """The known range after the event of this number."""
        return known_after(self.state.book_log, number, self.state) if later else self.state.known_range

    def _last_sent(
        self, segment: list[BookEntry], earlier: Iterator[list[BookEntry]], later: list[BookEntry]
    ) -> tuple[list[BookEntry], list[BookEntry]]:
        """The newest segment that changed what the channel shows, from this one back, and what came later."""
        while not (is_news(segment) or refreshes(segment)) and self.same(segment, later):
            earlier_one = next(earlier, None)
            if earlier_one is None:
                break
            segment, later = earlier_one, segment[::-1] + later
        return segment, later

    def _book_at(self, segment: list[BookEntry], later: list[BookEntry]) -> tuple[int, int]:
        """The id of the book at the end of a segment, and its time."""
        for _, _, _, event in segment:
            if not isinstance(event, Status):
                return event.sequence, event.venue_ns or event.seen_ns
        deltas = [event for _, _, _, event in later if isinstance(event, BookDelta)]
        sequence = min((delta.sequence - 1 for delta in deltas), default=self.state.sequence)
        for _, _, _, event in reversed(self.state.book_log.entries):
            if not isinstance(event, Status) and event.sequence == sequence:
                return sequence, event.venue_ns or event.seen_ns
        return sequence, self.state.book_ns


class BookChannel(_BookChannel):
    """`book.X.raw`, `book.X.100ms`, `book.X.agg2`: an image, then changes in an unbroken chain of ids.

    When the book turns stale its subscribers are notified at once; the delta that leads to the next good book carries
    the status `live`. A member that joins meanwhile waits. A status that no delta carries travels with the best
    levels as they are, or, where there are none, with the empty image: a change without levels, which Deribit
    never sends, ends the process of a nautilus_trader client.
    """

    def opened(self) -> None:
        """Begin where the events so far have led."""
        levels = self.key.levels
        self.selects = bool(levels or self.interval_ns)
        self._bids: Pending | Top = Top(levels) if levels else Pending()
        self._asks: Pending | Top = Top(levels) if levels else Pending()
        self._checkpoints: ReaderCheckpoints[_Context] = ReaderCheckpoints()
        self._instrument = self.state.instrument
        self._news: BookStatus | None = None
        self._last_news: BookStatus | None = None
        self._news_count = 0
        self._refresh = False
        self._image: BookNote | None = None
        self._checksum: int | None = None
        self._unsettled = False
        start = self.start()
        if start is None:
            self._unsettled = True
            self.soon()
        else:
            self._begin(start)

    def same(self, segment: list[BookEntry], later: list[BookEntry]) -> bool:
        """See `_BookChannel`; of a whole book only the prices that were touched are compared."""
        if self.key.levels:
            return super().same(segment, later)
        state = self.state
        before = sizes_before(segment[::-1], state.instrument)
        after = sizes_before(later, state.instrument)
        sides = state.ladder.bids, state.ladder.asks
        return all(
            then.size(side, price) == size
            for first, then, side in zip(before, after, sides, strict=True)
            for price, size in first.before().items()
        )

    def view(self, ladder: Ladder) -> Any:
        """The best levels."""
        depth = self.key.levels
        return [(side.levels(depth).prices, side.levels(depth).sizes) for side in (ladder.bids, ladder.asks)]

    def take(self, event: Event) -> None:
        """An image, a delta, a status, or exponents that have become finer."""
        if isinstance(event, BookDelta):
            self._on_delta(event)
        elif isinstance(event, Status):
            self._on_status(event)
        elif isinstance(event, Listing):
            self._on_listing(event)
        elif isinstance(event, BookImage):
            self._begin(self.here())
        if self.waiting:
            self.timers.after_moment(self)

    def interval_ended(self) -> None:
        """Publish what has changed since, or a status that no delta carried."""
        state = self.state
        if self._unsettled:
            self._begin(self.here())
            self.admit()
        elif state.book_published != self.seq:
            bids, asks = self._bids.take(state.ladder.bids), self._asks.take(state.ladder.asks)
            if bids or asks or self._news is not None or self._refresh:
                self._publish(bids, asks)

    def moment_ended(self) -> None:
        """A status is published at once, and without an interval all that the channel shows a part of."""
        if self._news is not None or not self.interval_ns:
            self.interval_ended()
        self.admit()

    def image(self) -> Any:
        """The book as the channel last published it, while it is live."""
        state = self.state
        if self._unsettled or not (state.imaged and state.live):
            return None
        if self._image is None or self._image.change_id != self._change_id:
            bids, asks = self._bids.published(state.ladder.bids), self._asks.published(state.ladder.asks)
            known = self._known or None
            self._image = self._note(all_new(bids), all_new(asks), levels_checksum(bids, asks), known=known)
        return self._image

    def restatement(self) -> tuple[Any, bool]:
        """The status, with a change that changes nothing."""
        state = self.state
        if self._unsettled or not state.imaged or state.status is None:
            return None, False
        status = BookStatus(state.status, state.reason, state.detail)
        bids, asks = self._restated()
        follows = self._change_id if bids or asks else None
        ladder, depth = state.ladder, self.key.levels or CHECKED_LEVELS
        best = self._bids.published(ladder.bids, depth), self._asks.published(ladder.asks, depth)
        return self._note(bids, asks, levels_checksum(*best), follows, status), True

    def hold(self) -> int:
        """A reader falls behind here: keep its changes from here on; returns the position."""
        self._checkpoints.hold(self.seq, _Context(self._change_id, self._news_count))
        return self.seq

    def release(self, seq: int) -> None:
        """A reader that fell behind there has caught up or left: drop what only it needed."""
        self._checkpoints.release(seq)

    def since(self, seq: int) -> BookNote:
        """One change that leads from the book at `seq` to the book as last published."""
        context, *touched = self._checkpoints.since(seq)
        news = self._last_news if context.news != self._news_count else None
        return self._since(seq, context.change_id, *self._between(touched[0], touched[1]), news)

    def recovered(self, seq: int) -> Recovered | None:
        """One change that leads there, where all events since then are kept."""
        entries = None if self._unsettled else self.state.book_log.since(seq)
        if entries is None or not self.state.imaged:
            return None
        log, instrument = self.state.book_log.entries, self.state.instrument
        segment = [entry for entry in log if entry[0] <= seq][::-1]
        if not segment:
            return None
        change_id, _ = self._book_at(segment, entries)
        bids, asks = sizes_before(entries, instrument)
        if self.key.levels:
            then = ladder_before(self.state.ladder, bids, asks)
            depth, ladder = self.key.levels, self.state.ladder
            changes = (
                _to_published(self._bids, ladder.bids, then.bids.levels(depth)),
                _to_published(self._asks, ladder.asks, then.asks.levels(depth)),
            )
        else:
            changes = self._between(bids.before(), asks.before())
        news = [event for number, _, _, event in entries if isinstance(event, Status) and number <= self.seq]
        return [(self.seq, self._since(seq, change_id, *changes, _status(news[-1]) if news else None))]

    def _since(
        self, seq: int, change_id: int, bids: Changes, asks: Changes, news: BookStatus | None
    ) -> BookNote:
        if self._checksum is None:
            ladder, depth = self.state.ladder, self.key.levels or CHECKED_LEVELS
            best = self._bids.published(ladder.bids, depth), self._asks.published(ladder.asks, depth)
            self._checksum = levels_checksum(*best)
        if not (bids or asks):
            bids, asks = self._restated()
        before = change_id if bids or asks else None
        finer = seq < self.state.refined
        known = self._known if seq < self.state.ranged or (before is None and self._known) else None
        return self._note(bids, asks, self._checksum, before, news, exponents=finer, known=known)

    def _between(self, bids: dict[int, int], asks: dict[int, int]) -> tuple[Changes, Changes]:
        ladder = self.state.ladder
        return (
            changes_between(bids, {price: self._bids.size(ladder.bids, price) for price in bids}),
            changes_between(asks, {price: self._asks.size(ladder.asks, price) for price in asks}),
        )

    def _begin(self, start: _Start) -> None:
        """The book as it was there counts as published."""
        self._unsettled = False
        self.seq, self._change_id, self._at_ns, held, self._known = start
        bids, asks = sizes_before(held, self.state.instrument)
        ladder = self.state.ladder
        if self.key.levels and held:
            ladder = ladder_before(ladder, bids, asks)
        self._bids.take(ladder.bids)
        self._asks.take(ladder.asks)
        if held:
            self._hold_back(held, bids, asks)

    def _hold_back(self, entries: list[BookEntry], bids: Pending, asks: Pending) -> None:
        """These events are published when the interval at hand is over."""
        self._refresh = refreshes(entries)
        if isinstance(self._bids, Pending) and isinstance(self._asks, Pending):
            self._bids.follow(bids)
            self._asks.follow(asks)
        else:
            for event in (entry[3] for entry in entries):
                if isinstance(event, BookDelta):
                    self._bids.add(event.bids)
                    self._asks.add(event.asks)
        self.soon()

    def _on_delta(self, delta: BookDelta) -> None:
        if not self.selects:
            self._publish(delta.bids, delta.asks)
            return
        self._bids.add(delta.bids)
        self._asks.add(delta.asks)
        self._refresh = self._refresh or self.state.book_published % REFRESH == 0
        self.soon()

    def _on_status(self, status: Status) -> None:
        """News are that the book has become good or bad; that an image is on its way changes neither."""
        if self.state.imaged and status.state != "syncing":
            self._news = _status(status)
            self.timers.after_moment(self)

    def _on_listing(self, listing: Listing) -> None:
        """What is held back is in ticks and lots, and these may have become finer."""
        factors = listing.instrument.factors_from(self._instrument)
        self._instrument = listing.instrument
        if factors != (1, 1):
            self._image = self._checksum = None
            self._known = self._known.rescaled(factors[0])
            for held in (self._bids, self._asks, self._checkpoints):
                held.rescale(*factors)

    def _restated(self) -> tuple[Changes, Changes]:
        """The best levels, changed to what they are."""
        ladder = self.state.ladder
        return _restated(self._bids.published(ladder.bids, 1)), _restated(
            self._asks.published(ladder.asks, 1)
        )

    def _publish(self, bids: Changes, asks: Changes) -> None:
        state = self.state
        if not (bids or asks):
            bids, asks = self._restated()
        before, self._change_id, self._at_ns = self._change_id, state.sequence, state.book_ns
        news, self._news, self._refresh = self._news, None, False
        if news is not None:
            self._last_news, self._news_count = news, self._news_count + 1
        self._checkpoints.add(bids, asks)
        self._checksum = self._proof()
        follows = before if bids or asks else None
        finer, ranged = self.seq < state.refined, self.seq < state.ranged
        self._known = state.known_range
        known = self._known if ranged or (follows is None and self._known) else None
        note = self._note(bids, asks, self._checksum, follows, news, exponents=finer, known=known)
        self.publish(state.book_published, note)

    def _proof(self) -> int:
        """The checksum of the book that this leads to."""
        ladder, top = self.state.ladder, self.key.levels
        if not top:
            return self.state.checksum()
        return levels_checksum(self._bids.published(ladder.bids), self._asks.published(ladder.asks))

    def _note(
        self,
        bids: Changes,
        asks: Changes,
        checksum: int | None,
        before: int | None = None,
        news: BookStatus | None = None,
        *,
        exponents: bool = False,
        known: KnownRange | None = None,
    ) -> BookNote:
        """An image unless it follows what was `before`."""
        return BookNote(
            "snapshot" if before is None else "change",
            self._at_ns,
            self.state.name,
            self.state.instrument,
            self._change_id,
            bids,
            asks,
            before,
            news,
            checksum,
            exponents or before is None,
            known.limited(self.key.levels) if known else known,
        )


def refreshes(entries: list[BookEntry]) -> bool:
    """Whether what is shown is published again with these events."""
    return any(entry[0] % REFRESH == 0 for entry in entries)


def _status(status: Status) -> BookStatus:
    """What is published of a state: more of the reason only where the book is not expected back."""
    return BookStatus(status.state, status.reason, status.detail if status.reason == "closed" else "")


def _restated(best: Levels) -> Changes:
    return Changes(best.prices, best.sizes, best.sizes)


def _to_published(held: Pending | Top, side: Side, before: Levels) -> Changes:
    """What leads from the best levels as they were to those last published."""
    now = held.published(side)
    then = dict(zip(before.prices, before.sizes, strict=True))
    after = dict(zip(now.prices, now.sizes, strict=True))
    return changes_between(then, {price: 0 for price in then if price not in after} | after)


class GroupedBookChannel(_BookChannel):
    """`book.X.{group}.{depth}.{interval}`: the best levels, each notification a full replacement.

    When the book turns stale its subscribers are notified at once: no levels, and the status.
    """

    def opened(self) -> None:
        """Begin where the events so far have led."""
        self._refresh = self._news = False
        self._last: Any = None
        start = self.start()
        self._unsettled = start is None
        if start is None:
            self.soon()
        else:
            self._begin(start)

    def view(self, ladder: Ladder) -> Any:
        """The best groups of both sides."""
        return self._view(ladder, self.state.known_range)

    def view_before(self, entries: list[BookEntry]) -> Any:
        """Those as they were before the newest events."""
        state = self.state
        known = known_after(state.book_log, entries[0][0] - 1, state) if entries else state.known_range
        return self._view(ladder_before(state.ladder, *sizes_before(entries, state.instrument)), known)

    def _view(self, ladder: Ladder, known: KnownRange) -> Any:
        return [level_pairs(levels, self.state.instrument) for levels in self._groups_of(ladder, known)]

    def take(self, event: Event) -> None:
        """A book event; what it did to the best levels shows when the interval is over, a status at once."""
        if isinstance(event, BookImage):
            self._begin(self.here())
        elif isinstance(event, BookDelta):
            self._refresh = self._refresh or self.state.book_published % REFRESH == 0
            self.soon()
        elif isinstance(event, Status) and self.state.imaged and event.state != "syncing":
            self._news = True
            self.timers.after_moment(self)
        if self.waiting:
            self.timers.after_moment(self)

    def moment_ended(self) -> None:
        """A status is published at once; whoever waited for an image may have one now."""
        if self._news or not self.interval_ns:
            self.interval_ended()
        self.admit()

    def interval_ended(self) -> None:
        """Publish if the levels differ from those published last."""
        state = self.state
        if self._unsettled:
            self._begin(self.here())
            self.admit()
            return
        if state.book_published == self.seq:
            return
        view = self.view(state.ladder)
        if view != self._last or self._news or self._refresh:
            self._last, self._news, self._refresh = view, False, False
            self.publish(state.book_published, self._newest_data())

    def image(self) -> Any:
        """The best levels of a live book."""
        state = self.state
        return self._newest_data() if state.imaged and state.live and not self._unsettled else None

    def restatement(self) -> tuple[Any, bool]:
        """The book as it is, or that it is none."""
        return (self._newest_data() if self.state.imaged and not self._unsettled else None), False

    def recovered(self, seq: int) -> Recovered | None:
        """The book as it is, or that it is none."""
        return [(self.seq, self._newest_data())] if self.state.imaged and not self._unsettled else None

    def _begin(self, start: _Start) -> None:
        """The book as it was there counts as published."""
        self._unsettled = False
        self.seq = start.seq
        self._last = self.view_before(start.held)
        self._refresh = refreshes(start.held)
        if start.held:
            self.soon()

    def _newest_data(self) -> GroupedNote:
        state, empty = self.state, Levels([], [])
        bids, asks, status = empty, empty, None
        if state.live:
            bids, asks = self._groups_of(state.ladder, state.known_range)
        else:
            detail = state.detail if state.reason == "closed" else ""
            status = BookStatus("stale", state.reason, detail)
        return GroupedNote(state.book_ns, state.name, state.instrument, state.sequence, bids, asks, status)

    def _groups_of(self, ladder: Ladder, known: KnownRange) -> tuple[Levels, Levels]:
        """The best groups of both sides that are known as a whole, or all that there are if that was asked for."""
        step, depth = group_step(self.state.instrument, self.key.group), int(self.key.depth)
        edges = (None, None) if self.key.beyond else known.complete_to(ladder.bids, ladder.asks)
        return (
            group_levels(ladder.bids, step, depth, down=True, edge=edges[0]),
            group_levels(ladder.asks, step, depth, down=False, edge=edges[1]),
        )


def group_step(instrument: Instrument, group: str) -> int:
    """The price step of a group in ticks.

    Deribit's groups are US dollars for BTC and cents for ETH; for everything else they count price increments.
    """
    if group == "none":
        return 1
    cents = {"BTC": 100, "ETH": 1}.get(instrument.base)
    if instrument.venue != "deribit" or cents is None or instrument.kind == "option":
        return int(group) * instrument.tick
    return max(1, int(group) * cents * unit(instrument.price_exponent) // 100)


def group_levels(side: Side, step: int, depth: int, *, down: bool, edge: int | None = None) -> Levels:
    """The best `depth` groups of a side; prices are rounded away from the spread (bids down, asks up).

    Levels are known up to the price `edge`, if that is not None: groups that reach beyond it are left out.
    """
    taken = depth if step == 1 else depth * 4
    while True:
        levels = side.levels(taken)
        groups: dict[int, int] = {}
        for price, size in zip(levels.prices, levels.sizes, strict=True):
            rounded = price // step * step if down else -(-price // step) * step
            if edge is None or (rounded >= edge if down else rounded <= edge):
                groups[rounded] = groups.get(rounded, 0) + size
        if len(levels.prices) < taken or len(groups) > depth or step == 1:
            return Levels(list(groups)[:depth], list(groups.values())[:depth])
        taken *= 4
