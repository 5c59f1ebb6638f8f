"""Encodes notifications as protobuf in binary frames, and decodes them to exactly the content of JSON."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import gcd
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from deltawire.errors import FeedError
from deltawire.model.events import Changes
from deltawire.model.known_range import KnownRange
from deltawire.model.numbers import FINEST, unit
from deltawire.wire.deltawire_pb2 import Book, GroupedBook, Notification, Opened, Status
from deltawire.wire.frames import BINARY, frame, text_frame
from deltawire.wire.notifications import (
    MS_NS,
    BookNote,
    BookStatus,
    GroupedNote,
    Stamps,
    format_data,
    format_joined,
)

SUBPROTOCOL = "deltawire.v1+proto"


class ProtoEncoder:
    """The notifications of a channel in binary frames; `number` replaces the channel's name."""

    def __init__(self, channel: str, epoch: str, number: int, instrument: str) -> None:
        self._channel, self._epoch, self._number = channel, epoch, number
        self._instrument = instrument

    def opened(self) -> bytes:
        """The frame that states the channel of the number."""
        opened = Opened(channel=self._channel, epoch=self._epoch, instrument_name=self._instrument)
        return frame(BINARY, Notification(number=self._number, opened=opened).SerializeToString())

    def frame(
        self, seq: int, prev_seq: int | None, data: Any, conflated: int = 1, stamps: Stamps | None = None
    ) -> bytes:
        """A notification; an image names no predecessor."""
        behind = 0 if prev_seq is None else seq - prev_seq
        stands_for = conflated if conflated > 1 else 0
        note = Notification(number=self._number, seq=seq, behind=behind, conflated=stands_for)
        if stamps is not None:
            note.stamps.venue_ns, note.stamps.seen_ns = stamps.venue_ns, stamps.seen_ns
            note.stamps.sent_ns = stamps.sent_ns
        if isinstance(data, BookNote):
            _fill_book(note.book, data)
        elif isinstance(data, GroupedNote):
            _fill_grouped(note.grouped_book, data)
        else:
            note.json = format_data(data)
        return frame(BINARY, note.SerializeToString())

    def joined(self, seq: int) -> bytes:
        """The message that the channel is joined after this `seq`; a control message, so in JSON."""
        return text_frame(format_joined(self._channel, self._epoch, seq))


class Decoded(msgspec.Struct, frozen=True):
    """One notification, with its data as in JSON."""

    channel: str
    epoch: str
    seq: int
    prev_seq: int | None
    conflated: int
    data: Any
    stamps: Stamps | None = None


class ProtoDecoder:
    """Reads the binary frames of one connection."""

    def __init__(self) -> None:
        self._opened: dict[int, Opened] = {}

    def decode(self, payload: bytes) -> Decoded | None:
        """Decode a notification; None if a channel is opened; `FeedError` for other frames."""
        try:
            note = Notification.FromString(payload)
            if note.WhichOneof("data") == "opened":
                self._opened[note.number] = note.opened
                return None
            opened = self._opened[note.number]
            data = _data(note, opened.instrument_name)
        except (DecodeError, KeyError, ValueError, msgspec.DecodeError) as error:
            raise FeedError(f"not a notification of this protocol: {error}", retry=False) from error
        told = note.stamps
        stamps = Stamps(told.venue_ns, told.seen_ns, told.sent_ns) if note.HasField("stamps") else None
        prev_seq = note.seq - note.behind if note.behind else None
        return Decoded(opened.channel, opened.epoch, note.seq, prev_seq, note.conflated or 1, data, stamps)


def _fill_book(book: Book, data: BookNote) -> None:
    instrument = data.instrument
    book.timestamp_ms = data.at_ns // MS_NS
    book.change_id = data.change_id
    book.image = data.prev_change_id is None
    if data.prev_change_id is not None:
        book.behind = data.change_id - data.prev_change_id
    book.price_exponent, book.size_exponent = instrument.price_exponent, instrument.size_exponent
    book.exponents_are_news = data.exponents
    price, size = _strip(book, data)
    book.bid_prices.extend(_differences(data.bids.prices, price))
    book.bid_sizes.extend(_marked(data.bids, size))
    book.ask_prices.extend(_differences(data.asks.prices, price))
    book.ask_sizes.extend(_marked(data.asks, size))
    if data.checksum is not None:
        book.checksum = data.checksum
    _fill_status(book.status, data.status)
    if data.known is not None:
        _fill_range(book, data.known)


def _fill_range(book: Book, known: KnownRange) -> None:
    book.range_is_news, book.complete_levels = True, known.levels
    if known.bids is not None:
        book.bids_complete_to = known.bids
    if known.asks is not None:
        book.asks_complete_to = known.asks


def _read_range(book: Book) -> KnownRange:
    return KnownRange(
        book.bids_complete_to if book.HasField("bids_complete_to") else None,
        book.asks_complete_to if book.HasField("asks_complete_to") else None,
        book.complete_levels,
    )


def _fill_grouped(book: GroupedBook, data: GroupedNote) -> None:
    instrument = data.instrument
    book.timestamp_ms = data.at_ns // MS_NS
    book.change_id = data.change_id
    book.price_exponent, book.size_exponent = instrument.price_exponent, instrument.size_exponent
    price, size = _strip(book, data)
    book.bid_prices.extend(_differences(data.bids.prices, price))
    book.bid_sizes.extend(lots // size for lots in data.bids.sizes)
    book.ask_prices.extend(_differences(data.asks.prices, price))
    book.ask_sizes.extend(lots // size for lots in data.asks.sizes)
    _fill_status(book.status, data.status)


def _fill_status(into: Status, status: BookStatus | None) -> None:
    if status is not None:
        into.state, into.reason, into.detail = status.state, status.reason, status.detail


def _strip(book: Book | GroupedBook, data: BookNote | GroupedNote) -> tuple[int, int]:
    """Set the number of zeros in which all prices, and all sizes, end; returns the divisors."""
    book.price_zeros = _zeros(gcd(*data.bids.prices, *data.asks.prices))
    book.size_zeros = _zeros(gcd(*data.bids.sizes, *data.asks.sizes))
    return int(10**book.price_zeros), int(10**book.size_zeros)


def _zeros(common: int) -> int:
    found = 0
    while common and not common % 10:
        common, found = common // 10, found + 1
    return found


def _differences(prices: Sequence[int], by: int) -> Iterable[int]:
    whole = [price // by for price in prices] if by > 1 else prices
    return [*whole[:1], *(price - before for before, price in pairwise(whole))]


def _marked(changes: Changes, by: int) -> Iterable[int]:
    """Sizes with the lowest bit set if the level is new."""
    return [
        size // by << 1 | (not before) for size, before in zip(changes.sizes, changes.previous, strict=True)
    ]


def _data(note: Notification, instrument_name: str) -> Any:
    kind = note.WhichOneof("data")
    if kind == "book":
        return _book_data(note.book, instrument_name)
    if kind == "grouped_book":
        return _grouped_data(note.grouped_book, instrument_name)
    if kind != "json":
        raise ValueError("without data")
    return msgspec.json.decode(note.json)


def _book_data(book: Book, instrument_name: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "snapshot" if book.image else "change",
        "timestamp": book.timestamp_ms,
        "instrument_name": instrument_name,
        "change_id": book.change_id,
        "bids": _triples(book.bid_prices, book.bid_sizes, book),
        "asks": _triples(book.ask_prices, book.ask_sizes, book),
    }
    if not book.image:
        found["prev_change_id"] = book.change_id - book.behind
    if book.HasField("checksum"):
        found["checksum"] = book.checksum
    if book.exponents_are_news:
        found |= {"price_exponent": book.price_exponent, "size_exponent": book.size_exponent}
    if book.range_is_news:
        found |= _read_range(book).members(book.price_exponent)
    return found | _status(book)


def _grouped_data(book: GroupedBook, instrument_name: str) -> dict[str, Any]:
    found = {
        "timestamp": book.timestamp_ms,
        "instrument_name": instrument_name,
        "change_id": book.change_id,
        "bids": _pairs(book.bid_prices, book.bid_sizes, book),
        "asks": _pairs(book.ask_prices, book.ask_sizes, book),
    }
    return found | _status(book)


def _status(book: Book | GroupedBook) -> dict[str, Any]:
    if not book.HasField("status"):
        return {}
    stated = {name: getattr(book.status, name) for name in ("state", "reason", "detail")}
    return {"status": {name: text for name, text in stated.items() if text}}


def _pairs(prices: Iterable[int], sizes: Iterable[int], of: Book | GroupedBook) -> list[list[float]]:
    per_price, per_size = unit(of.price_exponent), unit(of.size_exponent)
    if max(of.price_zeros, of.size_zeros) > -FINEST:
        raise ValueError("more zeros than any number has")
    price_by, size_by = 10**of.price_zeros, 10**of.size_zeros
    levels = zip(accumulate(prices), sizes, strict=True)
    return [[price * price_by / per_price, size * size_by / per_size] for price, size in levels]


def _triples(prices: Iterable[int], sizes: Sequence[int], of: Book) -> list[list[Any]]:
    pairs = _pairs(prices, [size >> 1 for size in sizes], of)
    return [
        ["new" if size & 1 else "change" if size else "delete", *pair]
        for pair, size in zip(pairs, sizes, strict=True)
    ]
