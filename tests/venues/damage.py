"""Damage to a stream: an update lost, or one price in it a tick off. And pieces of recordings to do it to."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from deltawire.recording import RecordingEntry
from tests.venues.recorded import FILES, records
from tests.venues.reference_book import WITNESSES, Followed, ReferenceBook, kraken_checksum, okx_checksum

PRICES = {
    "deribit": re.compile(rb'\["(?:new|change|delete)",([\d.]+),'),
    "okx": re.compile(rb'\["([\d.]+)","[\d.]+","\d+","\d+"\]'),
    "kraken": re.compile(rb'"price":([\d.]+),"qty"'),
    "kraken_futures": re.compile(rb'"price":([\d.]+),"qty"'),
    "binance_coinm": re.compile(rb'\["([\d.]+)","[\d.]+"\]'),
    "binance_options": re.compile(rb'\["([\d.]+)","[\d.]+"\]'),
    "binance_spot": re.compile(rb'\["([\d.]+)","[\d.]+"\]'),
    "binance_usdm": re.compile(rb'\["([\d.]+)","[\d.]+"\]'),
    **dict.fromkeys(
        ("bybit_inverse", "bybit_linear", "bybit_option", "bybit_spot"),
        re.compile(rb'\["([\d.]+)","[\d.]+"\]'),
    ),
}
"""Where the prices of levels stand in a frame, by venue."""
SHOWN_LEVELS = 200
"""Images made from a witness's book have no more levels of a side: enough for a short stretch."""


def _of_deribit(message: Any) -> str | None:
    data = message.get("params", {}).get("data", {})
    return data["instrument_name"] if isinstance(data, dict) and "prev_change_id" in data else None


def _of_kraken(message: Any) -> str | None:
    is_update = message.get("channel") == "book" and message["type"] == "update"
    return message["data"][0]["symbol"] if is_update else None


def _of_binance(message: Any) -> str | None:
    return message["data"]["s"] if "@depth" in message.get("stream", "") else None


def _of_bybit(message: Any) -> str | None:
    return message["data"]["s"] if message.get("type") == "delta" and "u" in message["data"] else None


UPDATES: dict[str, Callable[[Any], str | None]] = {
    "deribit": _of_deribit,
    "okx": lambda message: message["arg"]["instId"] if message.get("action") == "update" else None,
    "kraken": _of_kraken,
    "kraken_futures": lambda message: (
        message["product_id"] if message.get("feed") == "book" and "seq" in message else None
    ),
    **dict.fromkeys(("binance_coinm", "binance_options", "binance_spot", "binance_usdm"), _of_binance),
    **dict.fromkeys(("bybit_inverse", "bybit_linear", "bybit_option", "bybit_spot"), _of_bybit),
}
"""The instrument whose book a message updates, None if it is no update of a book; by venue."""


def book_updated_by(venue: str, frame: bytes) -> str | None:
    """The instrument whose book a frame updates, None if it is no update of a book."""
    return None if frame == b"pong" else UPDATES[venue](json.loads(frame))


def a_tick_off(
    frame: bytes, venue: str, tick: Decimal, random: Random, *, near: bool = False
) -> bytes | None:
    """The frame with one price a tick higher or lower; None where it has no levels.

    `near` picks the price nearest to the middle of those in the frame instead of any.
    """
    found = list(PRICES[venue].finditer(frame))
    if not found:
        return None
    start, end = random.choice(found).span(1)
    if near and (opposite := frame.find(b'"a') if venue != "okx" else frame.find(b'"bids"')) > 0:
        start, end = min(found, key=lambda match: abs(match.start() - opposite)).span(1)
    text = frame[start:end].decode()
    price = Decimal(text) + random.choice([tick, -tick])
    if price <= 0:
        return None
    places = len(text.partition(".")[2])
    changed = str(float(price)) if venue == "deribit" else f"{price:.{places}f}"
    if Decimal(changed) != price:  # the price was printed with fewer places than its tick has
        changed = f"{price}"
    return frame[:start] + changed.encode() + frame[end:]


class Piece(msgspec.Struct):
    """A stretch of a recording that begins with images, and the place in it of the update to damage."""

    records: list[RecordingEntry]
    place: int
    victim: str


class Recorder:
    """One recording, and a witness that walks along it to make an image at any place."""

    def __init__(self, folder: Path, name: str) -> None:
        self.venue = FILES[name].venue
        self.records = self._thinned(records(folder, name))
        first_image = next((at for at, it in enumerate(self.records) if b'{"lastUpdateId"' in it.payload), 0)
        self.updates = {
            at: victim
            for at, record in enumerate(self.records)
            if at >= first_image
            and record.kind == "received"
            and (victim := book_updated_by(self.venue, record.payload))
        }
        self._witness = WITNESSES[self.venue]()
        self._walked = 0

    def piece(self, at: int, length: int) -> Piece:
        """The records from `at` on, after images of every book as it is there; places must rise."""
        while self._walked < at:
            record = self.records[self._walked]
            if record.kind == "received":
                self._witness.take(record.payload)
            self._walked += 1
        first = self._first_frames(at)
        return Piece([*first, *self.records[at : at + length]], len(first), self.updates[at])

    def _thinned(self, recorded: list[RecordingEntry]) -> list[RecordingEntry]:
        """Trades, and best prices at a number that no update ends at, say nothing of a book."""
        if not self.venue.startswith("binance"):
            return recorded
        ends = {
            int(end) for record in recorded for end in re.findall(rb'"u":(\d+),"(?:pu|b":\[)', record.payload)
        }
        return [
            record
            for record in recorded
            if b"@trade" not in record.payload
            and not (b"@bookTicker" in record.payload and json.loads(record.payload)["data"]["u"] not in ends)
        ]

    def _first_frames(self, at: int) -> list[RecordingEntry]:
        now = self.records[at].at_ns
        frames = []
        for name, book in self._witness.books.items():
            if book.live:
                frames += image_frames(self.venue, self._witness, name, book)
        if self.venue.startswith("binance"):  # an image that comes by REST needs an update to connect to
            frames.insert(0, self.records[max(place for place in self.updates if place < at)].payload)
        return [RecordingEntry("opened", now), *(RecordingEntry("received", now, frame) for frame in frames)]


def image_frames(venue: str, witness: ReferenceBook, name: str, book: Followed) -> list[bytes]:
    """What the venue would send now to one who subscribes to this book."""
    bids, asks = book.best(book.bids, SHOWN_LEVELS), book.best(book.asks, SHOWN_LEVELS)
    if venue == "okx":
        data = {
            "asks": [[*level, "0", "1"] for level in asks],
            "bids": [[*level, "0", "1"] for level in bids],
            "ts": "1652459226228",
            "checksum": okx_checksum(book),
        }
        arg = {"channel": "books", "instId": name}
        return [_encode({"arg": arg, "action": "snapshot", "data": [data]})]
    if venue == "kraken":
        levels = [
            [{"price": msgspec.Raw(p.encode()), "qty": msgspec.Raw(q.encode())} for p, q in side]
            for side in (bids, asks)
        ]
        data = {"symbol": name, "bids": levels[0], "asks": levels[1], "checksum": kraken_checksum(book)}
        granted = {"channel": "book", "symbol": name, "depth": witness.depths[name]}
        return [
            _encode({"method": "subscribe", "result": granted, "success": True}),
            _encode({"channel": "book", "type": "snapshot", "data": [data]}),
        ]
    return [_encode({"lastUpdateId": book.id, "bids": bids, "asks": asks})]


def _encode(frame: object) -> bytes:
    return msgspec.json.encode(frame)
