"""Book channels: every change (`raw`), merged changes at an interval, and the best levels grouped by price."""

from typing import Any, NamedTuple

from deltawire.book.checksums import levels_checksum
from deltawire.book.kernel import Pending, Side, Top
from deltawire.book.ladder import changes_between
from deltawire.book.merging import ReaderCheckpoints
from deltawire.fanout.channel import InstrumentChannel
from deltawire.market.state import InstrumentState
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Listing, Status
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit
from deltawire.wire.notifications import BookNote, BookStatus, GroupedNote, all_new, level_pairs


class _Context(NamedTuple):
    """What a reader that is behind knows: the id of its book, and how many news of its status it has heard,
    and the exponents."""

    change_id: int
    news: int
    instrument: Instrument


class BookChannel(InstrumentChannel):
    """`book.X.raw`, `book.X.100ms`, `book.X.agg2`: an image, then changes in an unbroken chain of ids.

    When the book turns stale its subscribers are told at once; the delta that leads to the next good book carries
    the status `live`. A member that joins meanwhile waits. A status that no delta carries travels with the best
    levels as they are, or, where there are none, with the empty image: a change without levels, which Deribit
    never sends, ends the process of a nautilus_trader client.
    """

    waits = True
    merges = True

    def opened(self) -> None:
        """Start from the book as it is."""
        levels = self.key.levels
        self._bids: Pending | Top = Top(levels) if levels else Pending()
        self._asks: Pending | Top = Top(levels) if levels else Pending()
        self._marks: ReaderCheckpoints[_Context] = ReaderCheckpoints()
        self._instrument = self._stated = self.state.instrument
        self._news: BookStatus | None = None
        self._last_news: BookStatus | None = None
        self._heard = 0
        self._image: BookNote | None = None
        self._checksum: int | None = None
        self._begin()

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """An image, a delta, a status, or exponents that have become finer."""
        if isinstance(event, BookDelta):
            self._on_delta(event)
        elif isinstance(event, Status):
            self._on_status(event)
        elif isinstance(event, Listing):
            self._on_listing(event)
        elif isinstance(event, BookImage):
            self._begin()
        if self.waiting:
            self.timers.settle(self)

    def due(self) -> None:
        """Publish what has changed since, or a status that no delta carried."""
        if self._bids or self._asks or self._news is not None:
            self._publish_changes()

    def settle(self) -> None:
        """A status that no delta carried goes out alone; whoever waited for an image may have one now."""
        if self._news is not None:
            self._publish_changes()
        self.admit()

    def image(self) -> Any:
        """The book as the channel last published it, while it is live."""
        state = self.state
        if not (state.imaged and state.live):
            return None
        if self._image is None or self._image.change_id != self._told:
            bids, asks = self._bids.published(state.ladder.bids), self._asks.published(state.ladder.asks)
            self._image = self._note(all_new(bids), all_new(asks), levels_checksum(bids, asks))
        return self._image

    def hold(self) -> int:
        """See `Channel`."""
        self._marks.hold(self.seq, _Context(self._told, self._heard, self._stated))
        return self.seq

    def release(self, seq: int) -> None:
        """See `Channel`."""
        self._marks.release(seq)

    def since(self, seq: int) -> BookNote:
        """One change that leads from the book at `seq` to the book as last published."""
        context, *touched = self._marks.since(seq)
        bids, asks = self._between(touched[0], touched[1])
        news = self._last_news if context.news != self._heard else None
        if not (bids or asks):
            bids, asks = self._restated()
        before = context.change_id if bids or asks else None
        finer = context.instrument is not self._stated
        return self._note(bids, asks, self._checksum, before, news, exponents=finer)

    def _between(self, bids: dict[int, int], asks: dict[int, int]) -> tuple[Changes, Changes]:
        ladder = self.state.ladder
        return (
            changes_between(bids, {price: self._bids.size(ladder.bids, price) for price in bids}),
            changes_between(asks, {price: self._asks.size(ladder.asks, price) for price in asks}),
        )

    def _begin(self) -> None:
        """The book as it is counts as published."""
        self._bids.take(self.state.ladder.bids)
        self._asks.take(self.state.ladder.asks)
        self._told, self._told_ns = self.state.sequence, self.state.book_ns

    def _on_delta(self, delta: BookDelta) -> None:
        if not (self.interval_ns or self.key.levels):
            self._tell(delta.bids, delta.asks)
            return
        self._bids.add(delta.bids)
        self._asks.add(delta.asks)
        if self._news is not None or not self.interval_ns:
            self._publish_changes()
        else:
            self.soon()

    def _on_status(self, status: Status) -> None:
        """News are that the book has become good or bad; that an image is on its way changes neither."""
        if not self.state.imaged or status.state == "syncing":
            return
        self._news = _status(status)
        if status.state == "live":
            self.timers.settle(self)
        else:
            self._publish_changes()

    def _on_listing(self, listing: Listing) -> None:
        """What is held back is in ticks and lots, and these may have become finer."""
        factors = listing.instrument.factors_from(self._instrument)
        self._instrument = listing.instrument
        if factors != (1, 1):
            self._image = None
            for held in (self._bids, self._asks, self._marks):
                held.rescale(*factors)

    def _publish_changes(self) -> None:
        ladder = self.state.ladder
        self._tell(self._bids.take(ladder.bids), self._asks.take(ladder.asks))

    def _tell(self, bids: Changes, asks: Changes) -> None:
        if bids or asks:
            self._publish(bids, asks)
        elif self._news is not None:
            self._publish(*self._restated())

    def _restated(self) -> tuple[Changes, Changes]:
        """The best levels, changed to what they are."""
        ladder = self.state.ladder
        return _restated(self._bids.published(ladder.bids, 1)), _restated(
            self._asks.published(ladder.asks, 1)
        )

    def _publish(self, bids: Changes, asks: Changes) -> None:
        state = self.state
        before, self._told, self._told_ns = self._told, state.sequence, state.book_ns
        news, self._news = self._news, None
        if news is not None:
            self._last_news, self._heard = news, self._heard + 1
        self._marks.add(bids, asks)
        self._checksum = self._proof()
        finer, self._stated = self._stated is not self._instrument, self._instrument
        follows = before if bids or asks else None
        self.publish(self._note(bids, asks, self._checksum, follows, news, exponents=finer))

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
    ) -> BookNote:
        """An image unless it follows what was `before`."""
        return BookNote(
            "snapshot" if before is None else "change",
            self._told_ns,
            self.state.name,
            self.state.instrument,
            self._told,
            bids,
            asks,
            before,
            news,
            checksum,
            exponents or before is None,
        )


def _status(status: Status) -> BookStatus:
    """What is told of a state: more of the reason only where the book is not expected back."""
    return BookStatus(status.state, status.reason, status.detail if status.reason == "closed" else "")


def _restated(best: Levels) -> Changes:
    return Changes(best.prices, best.sizes, best.sizes)


class GroupedBookChannel(InstrumentChannel):
    """`book.X.{group}.{depth}.{interval}`: the best levels, each notification a full replacement.

    When the book turns stale its subscribers are told at once: no levels, and the status.
    """

    waits = True
    merges = True

    def opened(self) -> None:
        """Nothing has been published."""
        self._last: tuple[Any, Any] | None = None

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A book event; what it did to the best levels shows when the interval is over, staleness at once."""
        if isinstance(event, Status) and event.state == "stale" and self.state.imaged:
            self._last = None
            self.publish(self._data(Levels([], []), Levels([], []), _status(event)))
        elif isinstance(event, BookDelta | BookImage | Status):
            self.soon()
            self.timers.settle(self)

    def settle(self) -> None:
        """Whoever waited for an image may have one now."""
        self.admit()
        if not self.interval_ns:
            self.due()

    def due(self) -> None:
        """Publish if the levels differ from those published last."""
        data = self.image()
        if data is None:
            return
        pairs = level_pairs(data.bids, data.instrument), level_pairs(data.asks, data.instrument)
        if pairs != self._last:
            self._last = pairs
            self.publish(data)

    def image(self) -> Any:
        """The best levels of a live book."""
        state = self.state
        if not (state.imaged and state.live):
            return None
        return self._data(
            self._grouped(state.ladder.bids, down=True), self._grouped(state.ladder.asks, down=False)
        )

    def _data(self, bids: Levels, asks: Levels, status: BookStatus | None = None) -> GroupedNote:
        state = self.state
        return GroupedNote(state.book_ns, state.name, state.instrument, state.sequence, bids, asks, status)

    def _grouped(self, side: Side, *, down: bool) -> Levels:
        step = group_step(self.state.instrument, self.key.group)
        return group_levels(side, step, int(self.key.depth), down=down)


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


def group_levels(side: Side, step: int, depth: int, *, down: bool) -> Levels:
    """The best `depth` groups of a side; prices are rounded away from the spread (bids down, asks up)."""
    taken = depth if step == 1 else depth * 4
    while True:
        levels = side.levels(taken)
        groups: dict[int, int] = {}
        for price, size in zip(levels.prices, levels.sizes, strict=True):
            rounded = price // step * step if down else -(-price // step) * step
            groups[rounded] = groups.get(rounded, 0) + size
        if len(levels.prices) < taken or len(groups) > depth or step == 1:
            return Levels(list(groups)[:depth], list(groups.values())[:depth])
        taken *= 4
