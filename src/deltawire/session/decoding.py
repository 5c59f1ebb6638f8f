"""Notifications as the events that the server made them of. Pure: JSON and protobuf alike, books verified on the way.

Books, trades, tickers, indices, candles, listings and statuses become events of `deltawire.model.events`, and orders,
own trades, changes and balances values of `account_items`. What has neither (a lock, statistics of an index) stays a
`Notification`.
Stamps are the server's where it was asked for them (`stamps`), else `venue_ns` is the notification's millisecond and
`seen_ns` when it came here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from deltawire.book.refinement import refined
from deltawire.dialect.families import RESOLUTIONS
from deltawire.dialect.grammar import ChannelKey, parse_channel
from deltawire.dialect.payloads import Definitions
from deltawire.errors import FeedError, PrecisionError
from deltawire.model.events import (
    BestLevels,
    Candle,
    Event,
    Greeks,
    Index,
    Levels,
    Listing,
    Stats,
    Status,
    Ticker,
    Trade,
    VenueStatus,
)
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import double_text, exact_mantissa
from deltawire.session.account_items import (
    AccountItem,
    to_balance,
    to_changes,
    to_order,
    to_user_trade,
)
from deltawire.session.channel_book import ChannelBook, Stamps
from deltawire.session.client import Notification

MS_NS = 1_000_000
Item = Event | AccountItem | Notification
_TICKER = {name: name for name in Ticker.__struct_fields__} | {
    "best_bid_size": "best_bid_amount",
    "best_ask_size": "best_ask_amount",
}
"""Of the members of a ticker, what the dialect calls them."""
for _name in ("instrument", "venue_ns", "seen_ns", "greeks", "stats"):
    del _TICKER[_name]


class EventDecoder:
    """Reads the notifications of some channels, in their order, into events.

    A notification can be decoded once every instrument that it names is defined: `unknown` says which are not. Each
    book channel has a `ChannelBook`, from which its deltas know the sizes before.
    """

    def __init__(self) -> None:
        self._home: str | None = None
        self._venues: set[str] = set()
        self._instruments: dict[str, Instrument] = {}
        self._books: dict[str, ChannelBook] = {}
        self._tickers: dict[str, dict[str, Any]] = {}
        """What incremental tickers have come to."""
        self._announcements: dict[str, dict[tuple[str, str], VenueStatus]] = {}
        """What venues had announced."""
        self._decoders: dict[str, Callable[[ChannelKey, Any, Stamps], list[Event]]] = {
            "book": self._book,
            "grouped_book": self._grouped,
            "trades": self._trades,
            "kind_trades": self._trades,
            "ticker": self._ticker,
            "incremental_ticker": self._incremental,
            "quote": self._ticker,
            "perpetual": self._perpetual,
            "index": self._index,
            "candles": self._candle,
            "mark_prices": self._marks,
            "instrument_state": self._listing,
            "status": self._status,
            "venue_status": self._venue_status,
        }

    def define(self, found: Definitions) -> None:
        """What a server says of instruments; exponents that are known to be finer stay so."""
        self._home = found.home
        self._venues.update(found.venues)
        for name, instrument in found.instruments.items():
            self._instruments[name] = _finest(instrument, self._instruments.get(name))

    def unknown(self, note: Notification) -> list[str] | None:
        """The instruments to be defined before a notification is decoded; None where nothing is missing.

        An empty list means that the server's venues are to be known, and no instrument more.
        """
        key = parse_channel(note.channel)
        if key is None or key.family not in self._decoders:
            return None
        missing = self.undefined(dict.fromkeys(_named(key, note.data)))
        return missing if missing or self._home is None else None

    def undefined(self, names: Iterable[str]) -> list[str]:
        """Which of these instruments are not defined."""
        return [name for name in names if name not in self._instruments]

    def listed(self, note: Notification) -> str | None:
        """The instrument that a listing is about: its definition is news."""
        key = parse_channel(note.channel)
        listing = key is not None and key.family == "instrument_state"
        return note.data["instrument_name"] if listing else None

    def decode(self, note: Notification, received_ns: int) -> list[Item]:
        """The events of a notification that came at `received_ns`; `FeedError` where it contradicts what was before."""
        key = parse_channel(note.channel)
        if key is not None and key.family in _ACCOUNT:
            return _account_items(note, _ACCOUNT[key.family])
        decode = None if key is None else self._decoders.get(key.family)
        if key is None or decode is None:
            return [note]
        stamps = note.stamps
        at = (0, received_ns) if stamps is None else (stamps.venue_ns, stamps.seen_ns or received_ns)
        try:
            return [*decode(key, note.data, at)]
        except PrecisionError as error:
            raise FeedError(f"{note.channel}: {error}", retry=False) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FeedError(f"no notification of {note.channel}: {error!r}", retry=False) from error

    def book(self, channel: str) -> ChannelBook:
        """The book of a channel, empty before its first image."""
        return self._books.setdefault(channel, ChannelBook())

    def books(self) -> list[ChannelBook]:
        """Every book that has begun."""
        return list(self._books.values())

    def forget(self, channel: str) -> None:
        """What came on a channel before is void: its image begins anew."""
        self._tickers.pop(channel, None)
        self._announcements.pop(channel, None)
        if channel in self._books:
            self._books[channel].lose()

    def left(self, channel: str) -> None:
        """Nothing more comes on a channel."""
        self._tickers.pop(channel, None)
        self._announcements.pop(channel, None)
        self._books.pop(channel, None)

    def _book(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        name, stamps = data["instrument_name"], _stamped(data, at)
        events = self.book(key.name).take(data, self._instruments[name], stamps)
        for event in events:
            if isinstance(event, Listing):
                self._instruments[name] = event.instrument
        return events

    def _grouped(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        instrument, stamps = self._instruments[data["instrument_name"]], _stamped(data, at)
        if "status" in data:
            told = data["status"]
            return [
                Status(instrument, told["state"], told.get("reason", ""), stamps[1], told.get("detail", ""))
            ]
        rows = [*data["bids"], *data["asks"]]
        instrument, events = self._fine_enough(data["instrument_name"], rows, stamps[1])
        bids, asks = (_levels(data[name], instrument) for name in ("bids", "asks"))
        return [*events, BestLevels(instrument, data["change_id"], bids, asks, *stamps, key.group)]

    def _trades(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        found: list[Event] = []
        for trade in data:
            stamps = _stamped(trade, at if len(data) == 1 else (0, at[1]))
            instrument, listings = self._fine_enough(
                trade["instrument_name"], [(trade["price"], trade["amount"])], stamps[1]
            )
            found += listings
            found.append(
                Trade(
                    instrument,
                    trade["trade_id"],
                    exact_mantissa(trade["price"], instrument.price_exponent),
                    exact_mantissa(trade["amount"], instrument.size_exponent),
                    trade["direction"],
                    *stamps,
                    trade["trade_seq"],
                    trade.get("mark_price"),
                    trade.get("index_price"),
                    trade.get("iv"),
                    trade.get("liquidation", ""),
                )
            )
        return found

    def _fine_enough(
        self, name: str, rows: list[tuple[float, float]], now: int
    ) -> tuple[Instrument, list[Event]]:
        """The instrument with exponents that hold these prices and sizes; with a `Listing` where they are news."""
        instrument = self._instruments[name]
        try:
            for price, size in rows:
                exact_mantissa(price, instrument.price_exponent)
                exact_mantissa(size, instrument.size_exponent)
        except PrecisionError:
            texts = [(double_text(float(price)), double_text(float(size))) for price, size in rows]
            finer = self._instruments[name] = refined(instrument, texts)
            return finer, [Listing(finer, now)] if finer is not instrument else []
        return instrument, []

    def _ticker(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        """A ticker or a quote: what is not stated there is not stated in the event."""
        fields = {name: data[told] for name, told in _TICKER.items() if data.get(told) is not None}
        for name, kind in (("greeks", Greeks), ("stats", Stats)):
            if data.get(name) is not None:
                fields[name] = msgspec.convert(data[name], kind)
        return [self._ticker_of(data, at, **fields)]

    def _incremental(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        """All that is known now, what had not changed included."""
        known = self._tickers.get(key.name)
        if data["type"] == "snapshot":
            known = {}
        elif known is None:
            raise FeedError(f"{key.name}: a change before any snapshot", retry=True)
        self._tickers[key.name] = whole = _merged(known, data)
        return self._ticker(key, whole, at)

    def _perpetual(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        named = data | {"instrument_name": key.instrument}
        funding, index = data["interest"], data["index_price"]
        return [self._ticker_of(named, at, current_funding=funding, index_price=index)]

    def _marks(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        return [
            self._ticker_of(
                mark,
                (0, at[1]),
                mark_price=mark["mark_price"],
                mark_iv=None if mark["iv"] is None else round(mark["iv"] * 100, 8),
            )
            for mark in data
        ]

    def _ticker_of(self, data: Mapping[str, Any], at: Stamps, **fields: Any) -> Ticker:
        venue_ns, seen_ns = _stamped(data, at)
        instrument = self._instruments[data["instrument_name"]]
        return Ticker(instrument=instrument, venue_ns=venue_ns, seen_ns=seen_ns, **fields)

    def _index(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        return [Index(*self._native(key.index), data["price"], *_stamped(data, at))]

    def _candle(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        prices = (data[name] for name in ("open", "high", "low", "close", "volume", "cost"))
        opened_ns, minutes = data["tick"] * MS_NS, RESOLUTIONS[key.resolution]
        return [Candle(self._instruments[key.instrument], opened_ns, minutes, *prices)]

    def _listing(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        """The state is this notification's, though the definition may be newer."""
        active = data["state"] not in ("closed", "terminated")
        instrument = msgspec.structs.replace(self._instruments[data["instrument_name"]], active=active)
        return [Listing(instrument, data["timestamp"] * MS_NS)]

    def _status(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        instrument, since_ns = self._instruments[data["instrument_name"]], data["since"] * MS_NS
        return [Status(instrument, data["state"], data["reason"], since_ns, data.get("detail", ""))]

    def _venue_status(self, key: ChannelKey, data: Any, at: Stamps) -> list[Event]:
        """What is news among all that the venue has announced, oldest first."""
        known = self._announcements.get(key.name, {})
        told = [_announced(key.venue, each) for each in reversed(data["announcements"])]
        self._announcements[key.name] = {status.key: status for status in told}
        return [status for status in told if known.get(status.key) != status]

    def _native(self, public: str) -> tuple[str, str]:
        """The venue, and its own name, of what has this public name."""
        venue, _, name = public.partition(":")
        if name and venue != self._home and venue in self._venues:
            return venue, name
        return self._home or "", public


_ACCOUNT: dict[str, Callable[[Any], AccountItem]] = {
    "user_orders": to_order,
    "user_trades": to_user_trade,
    "user_changes": to_changes,
    "user_portfolio": to_balance,
}
"""Channels of an account that have values of their own."""


def _account_items(note: Notification, to_item: Callable[[Any], AccountItem]) -> list[Item]:
    """The values of a notification, one or a list."""
    told = note.data if isinstance(note.data, list) else [note.data]
    try:
        return [to_item(each) for each in told]
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise FeedError(f"no notification of {note.channel}: {error!r}", retry=False) from error


def _announced(venue: str, data: Any) -> VenueStatus:
    begin_ns, end_ns = ((data[name] or 0) * MS_NS for name in ("begin", "end"))
    return VenueStatus(
        venue,
        data["state"],
        data["timestamp"] * MS_NS,
        data["text"],
        begin_ns,
        end_ns,
        data["subject"],
        data["id"],
    )


def _named(key: ChannelKey, data: Any) -> Iterator[str]:
    """The instruments that a notification is about."""
    if key.instrument:
        yield key.instrument
    for each in data if isinstance(data, list) else (data,):
        if isinstance(each, Mapping) and isinstance(each.get("instrument_name"), str):
            yield each["instrument_name"]


def _finest(instrument: Instrument, known: Instrument | None) -> Instrument:
    """A definition with exponents not coarser than were known already."""
    if known is None:
        return instrument
    return msgspec.structs.replace(
        instrument,
        price_exponent=min(instrument.price_exponent, known.price_exponent),
        size_exponent=min(instrument.size_exponent, known.size_exponent),
    )


def _stamped(data: Mapping[str, Any], at: Stamps) -> Stamps:
    """The server's stamp of the venue's time where it was asked for, else the notification's own."""
    return at[0] or data["timestamp"] * MS_NS, at[1]


def _levels(pairs: list[tuple[float, float]], instrument: Instrument) -> Levels:
    return Levels(
        [exact_mantissa(price, instrument.price_exponent) for price, _ in pairs],
        [exact_mantissa(size, instrument.size_exponent) for _, size in pairs],
    )


def _merged(known: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """What is known with what has changed, objects member by member; a member that is null is no more."""
    found = dict(known)
    for name, value in news.items():
        inner = found.get(name)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            found[name] = _merged(inner, value)
        else:
            found[name] = value
    return {name: value for name, value in found.items() if value is not None}
