"""Book channels: every change (`raw`), merged changes at an interval, and the best levels grouped by price."""

from typing import Any

from deltawire.book import kernel
from deltawire.book.ladder import Side
from deltawire.book.merging import Pending
from deltawire.fanout.channel import InstrumentChannel
from deltawire.market.state import InstrumentState
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Listing, Status
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit
from deltawire.wire.frames import text_frame
from deltawire.wire.notifications import (
    BookData,
    BookStatus,
    ChangeFormat,
    Envelope,
    GroupedBook,
    change_triples,
    image_triples,
    level_pairs,
)

MS_NS = 1_000_000


def make_change_format(envelope: Envelope, name: str) -> ChangeFormat:
    """How changes of one instrument leave: compiled where there is a kernel, with the same bytes."""
    plain = ChangeFormat(envelope.head, name)
    return kernel.ChangeFormat(envelope.head, name, plain) if kernel.COMPILED else plain


class BookChannel(InstrumentChannel):
    """`book.X.raw`, `book.X.100ms`, `book.X.agg2`: an image, then changes in an unbroken chain of ids.

    When the book turns stale its subscribers are told at once; the delta that leads to the next good book carries
    the status `live`. A member that joins meanwhile waits. A status that no delta carries travels with the best
    levels as they are, or, where there are none, with the empty image: a change without levels, which Deribit
    never sends, ends the process of a nautilus_trader client.
    """

    waits = True

    def opened(self) -> None:
        """Start from the book as it is."""
        self._bids, self._asks = Pending(), Pending()
        self._told, self._told_ns = self.state.sequence, self.state.book_ns
        self._instrument = self.state.instrument
        self._news: BookStatus | None = None
        self._image: BookData | None = None
        self._format = make_change_format(self._envelope, self.state.name)

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """An image, a delta, a status, or exponents that have become finer."""
        if isinstance(event, BookDelta):
            self._on_delta(event)
        elif isinstance(event, Status):
            self._on_status(event)
        elif isinstance(event, Listing):
            self._on_listing(event)
        elif isinstance(event, BookImage):
            self._told, self._told_ns = event.sequence, self.state.book_ns
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
            self._image = BookData(
                "snapshot",
                self._told_ns // MS_NS,
                state.name,
                self._told,
                image_triples(self._bids.published(state.ladder.bids), state.instrument),
                image_triples(self._asks.published(state.ladder.asks), state.instrument),
            )
        return self._image

    def _on_delta(self, delta: BookDelta) -> None:
        if not self.interval_ns:
            self._tell(delta.bids, delta.asks)
            return
        self._bids.add(delta.bids)
        self._asks.add(delta.asks)
        if self._news is None:
            self.soon()
        else:
            self._publish_changes()

    def _on_status(self, status: Status) -> None:
        """News are that the book has become good or bad; that an image is on its way changes neither."""
        if not self.state.imaged or status.state == "syncing":
            return
        self._news = BookStatus(status.state, status.reason)
        if status.state == "live":
            self.timers.settle(self)
        else:
            self._publish_changes()

    def _on_listing(self, listing: Listing) -> None:
        """What is held back is in ticks and lots, and these may have become finer."""
        factors = listing.instrument.factors_from(self._instrument)
        self._instrument = listing.instrument
        if factors != (1, 1):
            self._bids.rescale(*factors)
            self._asks.rescale(*factors)

    def _publish_changes(self) -> None:
        ladder = self.state.ladder
        self._tell(self._bids.take(ladder.bids), self._asks.take(ladder.asks))

    def _tell(self, bids: Changes, asks: Changes) -> None:
        if bids or asks:
            self._publish(bids, asks)
        elif self._news is not None:
            ladder = self.state.ladder
            self._publish(_restated(ladder.bids), _restated(ladder.asks))

    def _publish(self, bids: Changes, asks: Changes) -> None:
        state = self.state
        empty = not (bids or asks)
        before, self._told, self._told_ns = self._told, state.sequence, state.book_ns
        news, self._news = self._news, None
        if not (empty or news):
            told = self._told_ns // MS_NS, self._told, before
            self.seq += 1
            note = self._format.format(self.seq, *told, bids, asks, state.instrument)
            self._roster.publish(self.name, text_frame(note))
            return
        self.publish(
            BookData(
                "snapshot" if empty else "change",
                self._told_ns // MS_NS,
                state.name,
                self._told,
                change_triples(bids, state.instrument),
                change_triples(asks, state.instrument),
                None if empty else before,
                news,
            )
        )


def _restated(side: Side) -> Changes:
    """The best level, changed to what it is."""
    best = side.levels(1)
    return Changes(best.prices, best.sizes, best.sizes)


class GroupedBookChannel(InstrumentChannel):
    """`book.X.{group}.{depth}.{interval}`: the best levels, each notification a full replacement.

    When the book turns stale its subscribers are told at once: no levels, and the status.
    """

    waits = True

    def opened(self) -> None:
        """Nothing has been published."""
        self._last: tuple[Any, Any] | None = None

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A book event; what it did to the best levels shows when the interval is over, staleness at once."""
        if isinstance(event, Status) and event.state == "stale" and self.state.imaged:
            self._last = None
            self.publish(self._data(Levels([], []), Levels([], []), BookStatus("stale", event.reason)))
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
        if data is not None and (data.bids, data.asks) != self._last:
            self._last = data.bids, data.asks
            self.publish(data)

    def image(self) -> Any:
        """The best levels of a live book."""
        state = self.state
        if not (state.imaged and state.live):
            return None
        return self._data(
            self._grouped(state.ladder.bids, down=True), self._grouped(state.ladder.asks, down=False)
        )

    def _data(self, bids: Levels, asks: Levels, status: BookStatus | None = None) -> GroupedBook:
        state = self.state
        return GroupedBook(
            state.book_ns // MS_NS,
            state.name,
            state.sequence,
            level_pairs(bids, state.instrument),
            level_pairs(asks, state.instrument),
            status,
        )

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
