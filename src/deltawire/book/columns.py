"""From a venue's level arrays to integer columns, exactly.

A reader turns one JSON array of levels (raw bytes) into `Columns`: prices in ticks, sizes in lots. It raises
`PrecisionError` where a number does not fit the exponents and `MalformedError` where the array is not of its
shape; it never rounds.

The fast path hands whole arrays to the JSON decoder as exponent-marked numbers (`61837.63e2` decodes to the
integer 6183763, and to an error where digits remain behind the point). The decoder goes through a double, so
the path is taken only when every number has at most 15 digits, which a double holds without loss; everything
else, and every array of an unexpected shape, is read number by number.
"""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import msgspec

from deltawire.book.kernel import read_columns
from deltawire.book.pure import Action, Form
from deltawire.errors import MalformedError, PrecisionError
from deltawire.model.numbers import EXACT_DIGITS, double_text, parse_decimal, parse_float, plain_decimal

_DIGITS = b"0123456789."
_TO_ZERO = bytes.maketrans(b'123456789,}"', b"000000000]]]")
_TOO_LONG = b"0" * 16 + b"]"
"""In an array whose digits are all zero, without points: the end of a number that a double may not hold."""
_INT64 = 1 << 63
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode_ints = msgspec.json.Decoder(list[int], strict=False).decode


class Columns(msgspec.Struct, gc=False):
    """Levels as they came: prices in ticks, sizes in lots (0: remove), and the venue's actions if it states any.

    `texts` are the venue's own (price, size), where a checksum is made of them.
    """

    prices: list[int]
    sizes: list[int]
    actions: list[Action] | None = None
    texts: list[tuple[str, str]] | None = None


class Reader(Protocol):
    """Reads one side's level arrays for one instrument. `form` is how the kernel calls their shape."""

    form: ClassVar[Form]

    def __call__(self, raw: bytes, /) -> Columns:
        """Columns of the levels in `raw`, in the order they came."""

    def texts(self, raw: bytes) -> list[tuple[str, str]]:
        """The decimal texts of an array: (price, size) per level."""

    def refine(self, price_exponent: int, size_exponent: int) -> None:
        """From now on read at these exponents."""


def mantissa(text: str, exponent: int) -> int:
    """A price or size text as a non-negative integer that fits 64 bits; else `PrecisionError`."""
    value = parse_decimal(text, exponent)
    if value >= _INT64 or text.startswith("-"):
        raise PrecisionError(text, exponent)
    return value


def mantissas(texts: Sequence[str], exponent: int) -> list[int]:
    """Many texts as integers, like `mantissa` for each; in one go where every text is short and plain."""
    if not texts:
        return []
    digits = "".join(texts).replace(".", "")
    if max(map(len, texts)) <= EXACT_DIGITS and digits.isdecimal() and digits.isascii():
        mark = f"e{-exponent},"
        try:
            return _decode_ints(f"[{mark.join(texts)}{mark[:-1]}]")
        except msgspec.DecodeError:
            pass  # the loop below says which text it is
    return [mantissa(text, exponent) for text in texts]


class _Marked:
    """The fast path: rewrite the array's punctuation into exponents and decode it as one list of integers."""

    def __init__(
        self,
        row: bytes,
        price_mark: tuple[bytes, bytes],
        row_mark: tuple[bytes, bytes],
        ends: tuple[int, int],
    ) -> None:
        self._row = row
        self._stride = len(row)
        self._price_mark = price_mark
        self._row_mark = row_mark
        self._head, self._tail = ends
        self._last = row_mark[1].rstrip(b",") + b"]"

    def __call__(self, raw: bytes) -> list[int] | None:
        """Prices and sizes alternating, or None when the array must be read number by number."""
        frame = raw.translate(None, _DIGITS)
        rows = len(frame) // self._stride
        if frame != b"[" + (self._row * rows)[:-1] + b"]" or _TOO_LONG in raw.translate(_TO_ZERO, b"."):
            return None
        body = raw[self._head : self._tail].replace(*self._row_mark).replace(*self._price_mark)
        try:
            return _decode_ints(b"[" + body + self._last)
        except msgspec.DecodeError:
            return None


class _PairReader:
    """Reads arrays of (price, size) by the fast path where it can, else number by number."""

    form: ClassVar[Form]
    _row: bytes
    _ends: tuple[int, int]
    _between: tuple[bytes, bytes]

    def __init__(self, price_exponent: int, size_exponent: int) -> None:
        self.refine(price_exponent, size_exponent)

    def refine(self, price_exponent: int, size_exponent: int) -> None:
        """From now on read at these exponents."""
        self._exponents = price_exponent, size_exponent
        inside, between = self._between
        self._marked = _Marked(
            self._row,
            (inside, b"e%d," % -price_exponent),
            (between, b"e%d," % -size_exponent),
            self._ends,
        )

    def __call__(self, raw: bytes) -> Columns:
        """Columns of the levels in `raw`."""
        if raw == b"[]":
            return Columns([], [])
        columns = read_columns(self.form, raw, *self._exponents)
        if columns is not None:
            return Columns(columns[0], columns[1])
        flat = self._marked(raw)
        if flat is not None:
            return Columns(flat[::2], flat[1::2])
        price_exponent, size_exponent = self._exponents
        levels = self.texts(raw)
        return Columns(
            mantissas([price for price, _ in levels], price_exponent),
            mantissas([size for _, size in levels], size_exponent),
        )

    def texts(self, raw: bytes) -> list[tuple[str, str]]:
        """The decimal texts of an array: (price, size) per level."""
        raise NotImplementedError


class TextPairs(_PairReader):
    """`[["61837.63","1.5"],…]`: Binance."""

    form: ClassVar[Form] = "text_pairs"

    _row = b'["",""],'
    _ends = (3, -3)
    _between = (b'","', b'"],["')
    _decode = msgspec.json.Decoder(list[tuple[str, str]]).decode

    def texts(self, raw: bytes) -> list[tuple[str, str]]:
        """The decimal texts of an array: (price, size) per level."""
        try:
            return self._decode(raw)
        except _UNREADABLE as error:
            raise MalformedError(f"levels: {error}") from error


class _NumberLevel(msgspec.Struct):
    price: msgspec.Raw
    qty: msgspec.Raw


class NumberObjects(_PairReader):
    """`[{"price":63005.0,"qty":2.08665551},…]`, bare numbers whose digits count: Kraken v2."""

    form: ClassVar[Form] = "number_objects"

    _row = b'{"price":,"qty":},'
    _ends = (10, -2)
    _between = (b',"qty":', b'},{"price":')
    _decode = msgspec.json.Decoder(list[_NumberLevel]).decode

    def texts(self, raw: bytes) -> list[tuple[str, str]]:
        """The decimal texts of an array: (price, size) per level."""
        try:
            levels = self._decode(raw)
            return [(number_text(level.price), number_text(level.qty)) for level in levels]
        except _UNREADABLE as error:
            raise MalformedError(f"levels: {error}") from error


class TextRows:
    """`[["30238.8","2","0","1"],…]` with the texts kept, because a checksum is made of them: OKX."""

    form: ClassVar[Form] = "text_rows"
    _decode = msgspec.json.Decoder(list[tuple[str, str, str, str]]).decode

    def __init__(self, price_exponent: int, size_exponent: int) -> None:
        self.refine(price_exponent, size_exponent)

    def refine(self, price_exponent: int, size_exponent: int) -> None:
        """From now on read at these exponents."""
        self._exponents = price_exponent, size_exponent

    def __call__(self, raw: bytes) -> Columns:
        """Columns of the levels in `raw`, with their texts."""
        rows = self._rows(raw)
        if not rows:
            return Columns([], [])
        price_texts, size_texts, _, _ = zip(*rows, strict=True)
        prices = mantissas(price_texts, self._exponents[0])
        sizes = mantissas(size_texts, self._exponents[1])
        return Columns(prices, sizes, texts=list(zip(price_texts, size_texts, strict=True)))

    def _rows(self, raw: bytes) -> list[tuple[str, str, str, str]]:
        try:
            return self._decode(raw)
        except _UNREADABLE as error:
            raise MalformedError(f"levels: {error}") from error

    def texts(self, raw: bytes) -> list[tuple[str, str]]:
        """The decimal texts of an array: (price, size) per level."""
        return [(row[0], row[1]) for row in self._rows(raw)]


class ActionRows:
    """`[["new",0.0015,4714.0],…]`, doubles that stand for decimals, with the action on each: Deribit."""

    form: ClassVar[Form] = "action_rows"
    _decode = msgspec.json.Decoder(list[tuple[Action, float, float]]).decode

    def __init__(self, price_exponent: int, size_exponent: int) -> None:
        self.refine(price_exponent, size_exponent)

    def refine(self, price_exponent: int, size_exponent: int) -> None:
        """From now on read at these exponents."""
        self._price_exponent, self._size_exponent = price_exponent, size_exponent

    def __call__(self, raw: bytes) -> Columns:
        """Columns of the levels in `raw`, with their actions; a deleted level has size 0."""
        columns = read_columns(self.form, raw, self._price_exponent, self._size_exponent)
        if columns is not None:
            return Columns(columns[0], columns[1], columns[2] or [])
        rows = self._rows(raw)
        if not rows:
            return Columns([], [], [])
        actions, prices, sizes = zip(*rows, strict=True)
        lots = [_read_double(size, self._size_exponent) for size in sizes]
        for action, size in zip(actions, lots, strict=True):
            if size < 0 or (action == "delete") != (size == 0):
                raise MalformedError(f"levels: {action} with {size} lots")
        return Columns([_read_double(price, self._price_exponent) for price in prices], lots, list(actions))

    def _rows(self, raw: bytes) -> list[tuple[Action, float, float]]:
        try:
            return self._decode(raw)
        except _UNREADABLE as error:
            raise MalformedError(f"levels: {error}") from error

    def texts(self, raw: bytes) -> list[tuple[str, str]]:
        """The shortest decimal texts of an array's doubles: (price, size) per level."""
        return [(double_text(price), double_text(size)) for _, price, size in self._rows(raw)]


def number_text(raw: msgspec.Raw) -> str:
    """The digits of a bare JSON number, without an exponent if it has one."""
    return plain_decimal(bytes(raw).decode())


def _read_double(value: float, exponent: int) -> int:
    """The mantissa of a double that stands for a decimal; at fine exponents it may be longer than a double holds."""
    try:
        return parse_float(value, exponent)
    except PrecisionError:
        return parse_decimal(double_text(value), exponent)
