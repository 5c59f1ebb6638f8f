"""Random decimals, some of them odd, in images, updates and trades of every venue, beside a book of plain `Decimal`s.

A live book never holds a wrong level, an odd number costs only itself, and exponents stay above the floor.
"""

import itertools
import json
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.book import kernel
from deltawire.book.refinement import FINEST_PRICE, FINEST_SIZE
from deltawire.model.events import Event, Fault, Trade
from deltawire.ports import Output, Wants
from deltawire.testing.kernels import pure_kernel
from deltawire.testing.replica import Replica
from deltawire.venues import make_venue
from tests.support.effort import examples

Text = tuple[str, str]
Book = dict[str, dict[Decimal, Text]]
SIDES = ("bids", "asks")
AT_MS = 1_760_000_000_000
LISTED = (2, 3)
"""The places of prices and sizes in the venue's list, where there is one."""


def fraction(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most).flatmap(lambda places: st.from_regex(rf"[0-9]{{{places}}}", fullmatch=True))


def decimal_text(whole: int, part: str) -> str:
    return f"{whole}.{part}" if part else str(whole)


noise = st.from_regex(r"[1-9]{16}", fullmatch=True)
zeros = st.sampled_from(["", "", "0", "000", "000000000000"])
wholes = {"bids": st.integers(1, 49), "asks": st.integers(51, 99)}
sizes = st.builds(decimal_text, st.integers(0, 99_999), st.builds(str.__add__, fraction(10), zeros))
odd_sizes = st.builds(decimal_text, st.integers(1, 9), noise) | st.just("0.00000000001")


def prices(side: str) -> st.SearchStrategy[str]:
    return st.builds(decimal_text, wholes[side], st.builds(str.__add__, fraction(12), zeros))


def odd_prices(side: str) -> st.SearchStrategy[str]:
    return st.builds(decimal_text, wholes[side], noise | st.just("0000000000001"))


def levels(side: str) -> st.SearchStrategy[list[Text]]:
    return st.lists(st.tuples(prices(side), sizes), max_size=3)


class Message(msgspec.Struct, frozen=True):
    """What a message says, the same for every venue; `odd` is one level more that makes it odd."""

    kind: str
    bids: list[Text]
    asks: list[Text]
    odd: Text | None = None
    printed: tuple[int, int] = (8, 8)
    """Places that Kraken prints at, from this image on."""
    late: list[Text] | None = None
    """Bids of an update that Binance's image comes behind; then that one has the odd level."""


odd_levels = st.tuples(odd_prices("bids"), sizes) | st.tuples(prices("bids"), odd_sizes)
messages = st.builds(
    Message,
    kind=st.sampled_from(["image", "update", "update", "update", "trade"]),
    bids=levels("bids"),
    asks=levels("asks"),
    odd=st.none() | st.none() | odd_levels,
    printed=st.tuples(st.integers(0, 8), st.sampled_from([3, 8])),
    late=st.none() | levels("bids"),
)


class Writer:
    """How one venue writes, and its true book. An odd update is damage: the market knows nothing of it."""

    name = ""
    symbol = ""

    def __init__(self) -> None:
        self.id = 1
        self.trades = itertools.count(1)
        self.book: Book = {side: {} for side in SIDES}

    def image(self, message: Message) -> bytes:
        """The book is other levels from now on."""
        self.id += 1
        self.book = {side: {} for side in SIDES}
        self._set(message)
        return self.frame("snapshot", self._rows(self.book, message.odd), 0)

    def update(self, message: Message) -> bytes:
        """Some levels change."""
        before, self.id = self.id, self.id + 1
        changes = self._changes(message)
        self._set(message)
        return self.frame("update", self._rows(changes, message.odd), before)

    def _changes(self, message: Message) -> Book:
        """The levels a message sets, each price once."""
        return {side: {Decimal(p): (p, s) for p, s in getattr(message, side)} for side in SIDES}

    def _set(self, message: Message) -> None:
        if message.odd is not None and message.kind == "update":
            return
        for side, changes in self._changes(message).items():
            for price, text in changes.items():
                if Decimal(text[1]):
                    self.book[side][price] = text
                else:
                    self.book[side].pop(price, None)

    def _rows(self, book: Book, odd: Text | None) -> dict[str, list[Text]]:
        rows = {side: list(levels.values()) for side, levels in book.items()}
        if odd is not None:
            rows["bids"].append(odd)
        return rows

    def frame(self, kind: str, rows: dict[str, list[Text]], before: int) -> bytes:
        raise NotImplementedError

    def trade(self, text: Text) -> bytes:
        raise NotImplementedError

    def best(self, side: str, count: int) -> list[Text]:
        ordered = sorted(self.book[side].items(), reverse=side == "bids")
        return [text for _, text in ordered[:count]]


class DeribitWriter(Writer):
    name, symbol = "deribit", "ETH-PERPETUAL"

    def _changes(self, message: Message) -> Book:
        sides = super()._changes(message)
        for side, changes in sides.items():  # it deletes no level that is not there
            gone = [p for p, text in changes.items() if not Decimal(text[1]) and p not in self.book[side]]
            for price in gone:
                del changes[price]
        return sides

    def frame(self, kind: str, rows: dict[str, list[Text]], before: int) -> bytes:
        data: dict[str, Any] = {"type": "change" if before else "snapshot", "timestamp": AT_MS}
        data |= {"prev_change_id": before} if before else {}
        data |= {"instrument_name": self.symbol, "change_id": self.id}
        data |= {side: [self._row(side, text, before) for text in rows[side]] for side in SIDES}
        return self._notification(f"book.{self.symbol}.100ms", data)

    def _row(self, side: str, text: Text, before: int) -> list[Any]:
        known = before and Decimal(text[0]) in self._before[side]
        action = "delete" if not Decimal(text[1]) else "change" if known else "new"
        return [action, float(text[0]), float(text[1])]

    def update(self, message: Message) -> bytes:
        self._before = {side: dict(levels) for side, levels in self.book.items()}
        return super().update(message)

    def trade(self, text: Text) -> bytes:
        data = {
            "trade_id": str(next(self.trades)),
            "trade_seq": 1,
            "timestamp": AT_MS,
            "instrument_name": self.symbol,
        }
        data |= {"direction": "buy", "price": float(text[0]), "amount": float(text[1])}
        return self._notification(f"trades.{self.symbol}.100ms", [data])

    def _notification(self, channel: str, data: Any) -> bytes:
        frame = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
        return json.dumps(frame, separators=(",", ":")).encode()


class OkxWriter(Writer):
    name, symbol = "okx", "ABC-USDT"

    def frame(self, kind: str, rows: dict[str, list[Text]], before: int) -> bytes:
        data = {side: [[*text, "0", "1"] for text in rows[side]] for side in ("asks", "bids")}
        more = {"ts": str(AT_MS), "checksum": self._checksum(), "seqId": self.id, "prevSeqId": before or -1}
        return self._push("books", data | more, action=kind)

    def _checksum(self) -> int:
        best = {side: [":".join(text) for text in self.best(side, 25)] for side in SIDES}
        pairs = [best[side][at] for at in range(25) for side in SIDES if at < len(best[side])]
        found = crc32(":".join(pairs).encode())
        return found - (1 << 32) if found >> 31 else found

    def trade(self, text: Text) -> bytes:
        data = {"instId": self.symbol, "tradeId": str(next(self.trades)), "px": text[0], "sz": text[1]}
        return self._push("trades", data | {"side": "buy", "ts": str(AT_MS)})

    def _push(self, channel: str, data: dict[str, Any], **more: str) -> bytes:
        arg = {"channel": channel, "instId": self.symbol}
        return json.dumps({"arg": arg, **more, "data": [data]}, separators=(",", ":")).encode()


class KrakenWriter(Writer):
    """It prints every number at its precision, which it may change between images."""

    name, symbol = "kraken", "ABC/USD"

    def __init__(self) -> None:
        super().__init__()
        self._printed = (8, 8)

    def image(self, message: Message) -> bytes:
        self._printed = message.printed
        return super().image(message)

    def _changes(self, message: Message) -> Book:
        found: Book = {}
        for side in SIDES:
            rows = [self._print(text) for text in getattr(message, side)]
            found[side] = {Decimal(price): (price, size) for price, size in rows}
        return found

    def _print(self, text: Text) -> Text:
        price, size = (
            f"{Decimal(number).quantize(Decimal(1).scaleb(-places), ROUND_DOWN):.{places}f}"
            for number, places in zip(text, self._printed, strict=True)
        )
        return price, size

    def frame(self, kind: str, rows: dict[str, list[Text]], before: int) -> bytes:
        sides = ",".join(
            f'"{side}":[' + ",".join(f'{{"price":{p},"qty":{s}}}' for p, s in rows[side]) + "]"
            for side in SIDES
        )
        digits = "".join(
            number.replace(".", "").lstrip("0")
            for side in ("asks", "bids")
            for text in self.best(side, 10)
            for number in text
        )
        data = f'{{"symbol":"{self.symbol}",{sides},"checksum":{crc32(digits.encode())}}}'
        return f'{{"channel":"book","type":"{kind}","data":[{data}]}}'.encode()

    def trade(self, text: Text) -> bytes:
        number = next(self.trades)
        data = (
            f'{{"symbol":"{self.symbol}","side":"buy","price":{text[0]},"qty":{text[1]},"trade_id":{number},'
        )
        at = '"timestamp":"2026-01-02T03:04:05.000001Z"}'
        return f'{{"channel":"trade","type":"update","data":[{data}{at}]}}'.encode()


class Binance(Writer):
    """Its images are fetched, and carry no id of an update before."""

    symbol = "ABCUSDT"
    event: dict[str, int]

    def frame(self, kind: str, rows: dict[str, list[Text]], before: int) -> bytes:
        sides = {side: [list(text) for text in rows[side]] for side in SIDES}
        if kind == "snapshot":
            return json.dumps({"lastUpdateId": self.id, **sides}).encode()
        data = {"e": "depthUpdate", "E": AT_MS, "s": self.symbol, "U": self.id, "u": self.id}
        data |= {"pu": before, "T": AT_MS} if self.name == "binance_usdm" else {}
        return self._stream("depth", data | {"b": sides["bids"], "a": sides["asks"]})

    def trade(self, text: Text) -> bytes:
        data = {"s": self.symbol, "p": text[0], "q": text[1], "T": AT_MS, "m": False, "t": next(self.trades)}
        return self._stream("trade", data)

    def _stream(self, stream: str, data: dict[str, Any]) -> bytes:
        frame = {"stream": f"{self.symbol.lower()}@{stream}", "data": data}
        return json.dumps(frame, separators=(",", ":")).encode()


class Spot(Binance):
    name = "binance_spot"


class Usdm(Binance):
    name = "binance_usdm"


WRITERS: dict[str, Callable[[], Writer]] = {
    kind.name: kind for kind in (DeribitWriter, OkxWriter, KrakenWriter, Spot, Usdm)
}


class Run:
    """One venue's machine that hears messages, beside the true book."""

    def __init__(self, venue: str, *, listed: bool) -> None:
        self.writer, self.machine = WRITERS[venue](), make_venue(venue)
        self.machine.opened(Wants(), 1)
        self.said: list[Output] = []
        self.live = False
        self._replica = Replica()
        self._listed = listed
        if listed:
            feed: Any = self.machine
            described = feed._describe(self.writer.symbol)
            exponents = {"price_exponent": -LISTED[0], "size_exponent": -LISTED[1]}
            stated = msgspec.structs.replace(described, **exponents, stated=True)
            self.said += feed._learn(stated, 1)

    def hear(self, message: Message) -> None:
        before = self.exponents
        if self._listed:
            message = msgspec.structs.replace(message, printed=LISTED)
        if message.kind == "trade":
            self._hear_trade(message)
        elif message.kind == "update":
            self.take(self.machine.received(self.writer.update(message), 2))
            self.live = self.live and message.odd is None
        elif not self.writer.name.startswith("binance"):
            self.take(self.machine.received(self.writer.image(message), 2))
            self.live = message.odd is None
        elif not self.live:  # else nobody asked
            self._fetch(message)
            self.live = message.odd is None
        if message.odd is not None and not (message.kind == "image" and message.late):
            assert self.exponents == before
        self.agree()

    def _fetch(self, message: Message) -> None:
        late = None
        if message.late:
            late = Message("update", message.late, [], message.odd)
            message = msgspec.structs.replace(message, odd=None)
        body = self.writer.image(message)
        if late:
            self.take(self.machine.received(self.writer.update(late), 2))
        self.take(self.machine.fetched(f"book:{self.writer.symbol}", body, 2))

    def _hear_trade(self, message: Message) -> None:
        text = message.odd or next(iter(message.bids + message.asks), ("5", "1"))
        events = self.take(self.machine.received(self.writer.trade(text), 2))
        if message.odd is not None:
            (fault,) = events
            assert isinstance(fault, Fault)
            return
        *_, trade = events
        assert isinstance(trade, Trade)
        price = Decimal(trade.price_ticks).scaleb(trade.instrument.price_exponent)
        size = Decimal(trade.size_lots).scaleb(trade.instrument.size_exponent)
        assert (price, size) == (Decimal(text[0]), Decimal(text[1]))

    def take(self, said: list[Output]) -> list[Event]:
        """What it says is a chain of true events."""
        self.said += said
        events: list[Any] = [each for each in said if type(each).__module__.endswith("events")]
        for event in events:
            self._replica.take(event)
        return events

    @property
    def book(self) -> Any:
        return self.machine.books.get(self.writer.symbol)  # type: ignore[attr-defined]

    @property
    def exponents(self) -> tuple[int, int]:
        known = self.machine.instruments.get(self.writer.symbol)  # type: ignore[attr-defined]
        return (known.price_exponent, known.size_exponent) if known else (0, 0)

    def agree(self) -> None:
        """The book is live exactly where it must be, and then it is the true one."""
        assert self.exponents[0] >= FINEST_PRICE
        assert self.exponents[1] >= FINEST_SIZE
        if self.book is None:
            assert not self.live
            return
        instrument = self.book.instrument
        assert (instrument.price_exponent, instrument.size_exponent) == self.exponents
        assert (self.book.state == "live") == self.live, self.said[-3:]
        if self.live:
            for side in SIDES:
                shown = getattr(self.book.ladder, side).levels()
                assert {
                    Decimal(price).scaleb(instrument.price_exponent): Decimal(size).scaleb(
                        instrument.size_exponent
                    )
                    for price, size in zip(shown.prices, shown.sizes, strict=True)
                } == {price: Decimal(text[1]) for price, text in self.writer.book[side].items()}


def run(venue: str, heard: list[Message], *, listed: bool) -> list[bytes]:
    """Everything that a venue's machine says of messages."""
    played = Run(venue, listed=listed)
    for message in heard:
        played.hear(message)
    return [msgspec.json.encode(each) for each in played.said]


@settings(max_examples=examples(20))
@given(heard=st.lists(messages, max_size=12), listed=st.booleans())
@pytest.mark.parametrize("venue", WRITERS)
def test_odd_numbers_cost_only_themselves_and_no_level_is_ever_wrong(
    venue: str, heard: list[Message], listed: bool
) -> None:
    played = run(venue, heard, listed=listed)
    if kernel.COMPILED:
        with pure_kernel():
            assert run(venue, heard, listed=listed) == played
