"""The book that a client keeps of one channel, in ticks and lots: held to its chain, its actions and its checksum."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from deltawire.book.checksums import OwnChecksum
from deltawire.book.kernel import Side
from deltawire.book.known import levels_within
from deltawire.book.ladder import Ladder
from deltawire.errors import FeedError, PrecisionError
from deltawire.model.events import (
    BookDelta,
    BookImage,
    BookState,
    Changes,
    Event,
    Level,
    Levels,
    Listing,
    StaleReason,
    Status,
    to_levels,
)
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import WHOLE, read_range
from deltawire.model.numbers import exact_mantissa

Row = tuple[str, float, float]
"""Action, price and amount, as the dialect writes a level."""
Stamps = tuple[int, int]
"""`venue_ns` and `seen_ns`."""


class ChannelBook:
    """One channel's book. `verified` says whether its last notification carried a checksum, and it was right."""

    def __init__(self) -> None:
        self.instrument: Instrument | None = None
        self.sequence = 0
        self.state: BookState = "syncing"
        self.reason: StaleReason = ""
        self.detail = ""
        self.venue_ns = 0
        self.seen_ns = 0
        self.verified = False
        self.known = WHOLE
        """Which of its levels the server knows to be without a gap."""
        self._ladder = Ladder()
        self._checksum = OwnChecksum()

    def take(self, data: Mapping[str, Any], instrument: Instrument, stamps: Stamps) -> list[Event]:
        """What a notification comes to; `FeedError` where it does not continue the book, and then the book is void.

        A status goes before the change that leads to a live book, and behind the last one of a book that is not.
        """
        try:
            events = self._taken(data, instrument, stamps)
        except PrecisionError as error:
            self.lose()
            raise FeedError(
                f"{instrument.key}: {error}; protobuf (`binary`) may say it", retry=False
            ) from error
        except (FeedError, ArithmeticError, KeyError, TypeError, ValueError) as error:
            self.lose()
            raise FeedError(f"the book of {instrument.key} does not go on: {error}", retry=True) from error
        return events

    def lose(self) -> None:
        """What was built is void; the next image begins anew."""
        self.sequence, self.verified, self.instrument = 0, False, None
        self.state, self.reason, self.detail = "stale", "lost", ""
        self.known = WHOLE
        for side in (self._ladder.bids, self._ladder.asks):
            side.load((), ())

    def image(self) -> list[Event]:
        """The book as it stands, as the events that one begins with; none before its first image."""
        if self.instrument is None:
            return []
        sides = self._ladder.bids.levels(), self._ladder.asks.levels()
        stamps = self.venue_ns, self.seen_ns
        status = Status(self.instrument, self.state, self.reason, self.seen_ns, self.detail)
        return [status, BookImage(self.instrument, self.sequence, *sides, *stamps, 0, self.known)]

    def top(self, depth: int | None = None, *, beyond: bool = False) -> tuple[list[Level], list[Level]]:
        """The best bids and asks, best first, as far as they are known; with `beyond`, all that there are."""
        if self.instrument is None:
            return [], []
        ladder, known = self._ladder, WHOLE if beyond else self.known
        bids = levels_within(ladder.bids, known.bids, depth, bid=True)
        asks = levels_within(ladder.asks, known.asks, depth, bid=False)
        return to_levels(bids, self.instrument), to_levels(asks, self.instrument)

    def complete_to(self, depth: int = 0) -> tuple[Level | None, Level | None]:
        """The lowest bid and the highest ask up to which every level is known; None: to the end of the side.

        `depth` is the number of levels that the channel has, 0 if all. A size of 0 says that no level is there.
        """
        if self.instrument is None:
            return None, None
        ladder = self._ladder
        edges = self.known.limited(depth).complete_to(ladder.bids, ladder.asks)
        sides = zip(edges, (ladder.bids, ladder.asks), strict=True)
        bid, ask = (
            None if edge is None else Level(self.instrument, edge, side.size(edge)) for edge, side in sides
        )
        return bid, ask

    def __len__(self) -> int:
        return len(self._ladder.bids) + len(self._ladder.asks)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many levels the bids and the asks have."""
        return len(self._ladder.bids), len(self._ladder.asks)

    def _taken(self, data: Mapping[str, Any], instrument: Instrument, stamps: Stamps) -> list[Event]:
        image = data["type"] == "snapshot"
        events = self._exponents(data, instrument, stamps[1], image=image)
        self._range(data, image=image)
        status = self._status(data, image, stamps[1])
        news = self._image(data, stamps) if image else self._change(data, stamps)
        self._prove(data.get("checksum"))
        if status is not None:
            news = [status, *news] if status.state == "live" else [*news, status]
        return events + news

    def _exponents(self, data: Mapping[str, Any], known: Instrument, now: int, *, image: bool) -> list[Event]:
        """Take over the exponents that the notification states; a `Listing` where they are news."""
        if self.instrument is None and not image:
            raise FeedError("a change before any image", retry=True)
        before = self.instrument or known
        if "price_exponent" not in data:
            self.instrument = before
            return []
        stated = {name: data[name] for name in ("price_exponent", "size_exponent")}
        self.instrument = msgspec.structs.replace(known, **stated)
        if not image:
            factors = self.instrument.factors_from(before)
            self._ladder.rescale(*factors)
            self.known = self.known.rescaled(factors[0])
        finer = (
            stated["price_exponent"] < known.price_exponent or stated["size_exponent"] < known.size_exponent
        )
        return [Listing(self.instrument, now)] if finer else []

    def _range(self, data: Mapping[str, Any], *, image: bool) -> None:
        """Take over the known range, if it is stated; that of an image without one is the whole book."""
        known = read_range(data, self._held().price_exponent)
        if known is not None or image:
            self.known = known or WHOLE

    def _status(self, data: Mapping[str, Any], image: bool, now: int) -> Status | None:
        """A state that is news; an image without one is that of a live book."""
        told = data.get("status") or ({"state": "live"} if image and self.state != "live" else None)
        if told is None:
            return None
        self.state, self.reason = told["state"], told.get("reason", "")
        self.detail = told.get("detail", "")
        return Status(self._held(), self.state, self.reason, now, self.detail)

    def _image(self, data: Mapping[str, Any], stamps: Stamps) -> list[Event]:
        ladder, was_empty = self._ladder, self.sequence > 0 and not len(self)
        bids, asks = self._levels(data["bids"]), self._levels(data["asks"])
        ladder.bids.become(bids)
        ladder.asks.become(asks)
        self._reached(data, stamps)
        if was_empty and not len(self):  # a status that no level could carry
            return []
        return [BookImage(self._held(), self.sequence, bids, asks, *stamps, 0, self.known)]

    def _change(self, data: Mapping[str, Any], stamps: Stamps) -> list[Event]:
        before = self.sequence
        if data["prev_change_id"] != before:
            raise FeedError(f"change {data['prev_change_id']} does not follow {before}", retry=True)
        bids = self._changes(self._ladder.bids, data["bids"])
        asks = self._changes(self._ladder.asks, data["asks"])
        self._ladder.bids.follow(bids)
        self._ladder.asks.follow(asks)
        self._reached(data, stamps)
        covers = self.sequence - before
        if not covers and not (bids or asks):  # the best levels, stated again to carry a status
            return []
        return [BookDelta(self._held(), self.sequence, bids, asks, *stamps, 0, covers, self.known)]

    def _reached(self, data: Mapping[str, Any], stamps: Stamps) -> None:
        self.sequence = data["change_id"]
        self.venue_ns, self.seen_ns = stamps

    def _held(self) -> Instrument:
        assert self.instrument is not None, "an image defines it"
        return self.instrument

    def _levels(self, rows: Sequence[Row]) -> Levels:
        instrument = self._held()
        price, size = instrument.price_exponent, instrument.size_exponent
        levels = Levels(
            [exact_mantissa(row[1], price) for row in rows], [exact_mantissa(row[2], size) for row in rows]
        )
        if any(row[0] != "new" for row in rows) or len({*levels.prices}) < len(rows) or 0 in levels.sizes:
            raise FeedError("an image with other levels than new ones", retry=True)
        return levels

    def _changes(self, side: Side, rows: Sequence[Row]) -> Changes:
        """What really changes; `FeedError` where an action contradicts the levels."""
        instrument = self._held()
        price_exponent, size_exponent = instrument.price_exponent, instrument.size_exponent
        prices: list[int] = []
        sizes: list[int] = []
        previous: list[int] = []
        for action, price, amount in rows:
            ticks, lots = exact_mantissa(price, price_exponent), exact_mantissa(amount, size_exponent)
            before = side.size(ticks)
            if action != ("new" if not before else "change" if lots else "delete"):
                raise FeedError(f"{action} at {price}, where {instrument.size(before)} is", retry=True)
            if lots != before:
                prices.append(ticks)
                sizes.append(lots)
                previous.append(before)
        if len({*prices}) < len(prices):
            raise FeedError("a price that changes twice", retry=True)
        return Changes(prices, sizes, previous)

    def _prove(self, checksum: int | None) -> None:
        self.verified = checksum is not None
        if checksum is not None and (found := self._checksum.of(self._ladder)) != checksum:
            raise FeedError(f"checksum {found} at change {self.sequence}, not {checksum}", retry=True)
