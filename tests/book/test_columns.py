"""Readers of level arrays: exactly the decimals that came, or a refusal; never a rounded number."""

import json
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deltawire.book.columns import (
    ActionRows,
    Columns,
    NumberObjects,
    Reader,
    TextPairs,
    TextRows,
    mantissa,
)
from deltawire.book.refinement import read_exponents
from deltawire.errors import MalformedError, PrecisionError, VenueError

Level = tuple[str, str]
Writer = Callable[[list[Level]], bytes]


def write_pairs(levels: list[Level]) -> bytes:
    return json.dumps(levels, separators=(",", ":")).encode()


def write_rows(levels: list[Level]) -> bytes:
    return json.dumps([[*level, "0", "3"] for level in levels], separators=(",", ":")).encode()


def write_objects(levels: list[Level]) -> bytes:
    return b"[" + b",".join(b'{"price":%b,"qty":%b}' % (p.encode(), s.encode()) for p, s in levels) + b"]"


READERS: dict[type, Writer] = {TextPairs: write_pairs, TextRows: write_rows, NumberObjects: write_objects}
kinds = st.sampled_from(sorted(READERS, key=lambda kind: kind.__name__))
whole_digits = st.one_of(
    st.from_regex(r"0|[1-9][0-9]{0,9}", fullmatch=True), st.from_regex(r"[1-9][0-9]{10,20}", fullmatch=True)
)
fractions = st.one_of(st.just(""), st.from_regex(r"[0-9]{1,10}", fullmatch=True), st.just("00000000"))
decimals = st.builds(lambda whole, part: f"{whole}.{part}" if part else whole, whole_digits, fractions)
price_exponents, size_exponents = st.integers(-6, 0), st.integers(-9, 0)


def exact(text: str, exponent: int) -> int | None:
    """The mantissa by Decimal, None where there is none that fits."""
    if not re.fullmatch(r"[0-9]{1,40}(\.[0-9]{1,40})?", text):
        return None
    value = Decimal(text).scaleb(-exponent)
    return int(value) if value == int(value) and value < 1 << 63 else None


def expected(levels: list[Level], exponents: tuple[int, int]) -> Columns | None:
    prices = [exact(price, exponents[0]) for price, _ in levels]
    sizes = [exact(size, exponents[1]) for _, size in levels]
    return None if None in prices + sizes else Columns(prices, sizes)


def untold(columns: Columns) -> Columns:
    """The numbers alone."""
    return Columns(columns.prices, columns.sizes, columns.actions)


@given(
    kind=kinds,
    levels=st.lists(st.tuples(decimals, decimals), max_size=12),
    exponents=st.tuples(price_exponents, size_exponents),
)
@example(kind=TextPairs, levels=[("92233720367", "1")], exponents=(-8, 0))
@example(kind=NumberObjects, levels=[("123456789012345", "0.1")], exponents=(-4, -1))
@example(kind=TextPairs, levels=[("999999999999999.0", "9007199254740993")], exponents=(-1, 0))
def test_arrays_are_read_exactly_or_refused(
    kind: type, levels: list[Level], exponents: tuple[int, int]
) -> None:
    reader, wanted = kind(*exponents), expected(levels, exponents)
    if wanted is not None:
        assert untold(reader(READERS[kind](levels))) == wanted
    else:
        with pytest.raises(PrecisionError):
            reader(READERS[kind](levels))


@given(kind=kinds, fit=st.lists(st.tuples(decimals, decimals), min_size=1, max_size=5), data=st.data())
def test_one_misfit_among_levels_that_fit_is_refused(
    kind: type, fit: list[Level], data: st.DataObject
) -> None:
    reader = kind(-10, -10)
    levels = [(price[:8].rstrip("."), size[:8].rstrip(".")) for price, size in fit]
    assert untold(reader(READERS[kind](levels))) == expected(levels, (-10, -10))
    at = data.draw(st.integers(0, len(levels) - 1))
    scientific = ["1e-11", "1E19", "1e999"] if kind is NumberObjects else ["1e5", "1E2"]
    misfit = data.draw(st.sampled_from(["0.12345678901", "9223372036854775808", "-1", *scientific]))
    price, size = levels[at]
    levels[at] = data.draw(st.sampled_from([(misfit, size), (price, misfit)]))
    with pytest.raises(PrecisionError):
        reader(READERS[kind](levels))


@given(
    levels=st.lists(st.tuples(decimals, decimals), min_size=1, max_size=3),
    edits=st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from([*'[]{}",.:-+eE 0199xprice', ""])), max_size=3
    ),
    kind=kinds,
)
def test_whatever_the_bytes_a_reader_never_reads_other_numbers_than_json_has(
    levels: list[Level], edits: list[tuple[int, str]], kind: type
) -> None:
    text = READERS[kind](levels).decode()
    for at, put in edits:
        at %= len(text)
        text = text[:at] + put + text[at + (len(put) != 1 or at % 2) :]
        text = text or "["
    try:
        parsed = untold(kind(-8, -8)(text.encode()))
    except VenueError:
        parsed = None
    naive = read_naively(text, kind)
    assert parsed == (None if naive is None else expected(naive, (-8, -8)))


def read_naively(text: str, kind: type) -> list[Level] | None:
    """The levels as Python's own JSON reader sees them."""
    number = type("Number", (str,), {})
    try:
        rows = json.loads(text, parse_float=number, parse_int=number)
    except ValueError:
        return None
    if type(rows) is not list:
        return None
    if kind is NumberObjects:
        fit = all(type(row) is dict and {"price", "qty"} <= set(row) for row in rows)
        levels = [(row["price"], row["qty"]) for row in rows] if fit else None
        wanted = number
    else:
        length = 2 if kind is TextPairs else 4
        fit = all(type(row) is list and len(row) == length and {*map(type, row)} == {str} for row in rows)
        levels = [(row[0], row[1]) for row in rows] if fit else None
        wanted = str
    if levels is None or any(type(value) is not wanted for level in levels for value in level):
        return None
    return levels


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("exponents", [(0, 0), (-2, -8)])
def test_an_empty_array_has_no_levels(kind: type, exponents: tuple[int, int]) -> None:
    for raw in (b"[]", b"[ ]", b" [] "):
        assert kind(*exponents)(raw) == Columns([], [])


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (TextPairs, b' [ [ "61837.6" , "1.50" ] , ["007","0.5"] ] '),
        (TextRows, b' [ [ "61837.6" , "1.50", "0", "1" ] , ["007","0.5","0","2"] ] '),
        (NumberObjects, b'[ {"qty": 1.50, "price" : 61837.6}, {"price":7,"qty":0.5,"more":[1]} ]'),
    ],
)
def test_space_order_and_leading_zeros_do_not_matter_where_json_allows_them(kind: type, raw: bytes) -> None:
    assert untold(kind(-1, -2)(raw)) == Columns([618376, 70], [150, 50])
    assert [tuple(map(Decimal, level)) for level in kind(-1, -2).texts(raw)] == [
        (Decimal("61837.6"), Decimal("1.5")),
        (Decimal(7), Decimal("0.5")),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"null", b"{}", b'"x"', b"1", b"[", b"[[", b"[null]", b"[[]]", b"[1]", b"[[1,2]]", b"[true]"),
        *(b'[["1"]]', b'[["1","2","3"]]', b'[["1","2"],]', b'[["1","2"]', b'[["1",2]]', b'[["1",null]]'),
        *(
            b'[["1","2","0"]]',
            b'[["1","2","0","1","x"]]',
            b'[["1","2",0,1]]',
            b'[{"price":1}]',
            b'[{"qty":1}]',
        ),
        *(b'[["1","2"]]x', b'[["\xff","2"]]', b'[["1","\xff","0","1"]]', b'[["1","2","\xff","1"]]'),
        *(b'[{"price":"\xff","qty":1}]', b"[" * 100_000, b'[{"price":1,"qty":' + b"[" * 100_000),
    ],
)
@pytest.mark.parametrize("kind", READERS)
def test_an_array_of_another_shape_is_refused(kind: type, raw: bytes) -> None:
    with pytest.raises(VenueError):
        kind(0, 0)(raw)
    with pytest.raises(VenueError):
        kind(0, 0).texts(raw)


@pytest.mark.parametrize("kind", READERS)
@given(raw=st.binary(max_size=60))
def test_noise_is_refused(kind: type, raw: bytes) -> None:
    try:
        parsed = kind(-2, -2)(raw)
    except VenueError:
        return
    assert parsed == Columns([], [])


@given(kind=kinds, finer=st.integers(0, 6), price=st.integers(1, 10**6), size=st.integers(0, 10**6))
def test_a_refined_reader_counts_in_finer_units(kind: type, finer: int, price: int, size: int) -> None:
    reader = kind(0, 0)
    raw = READERS[kind]([(str(price), str(size))])
    assert untold(reader(raw)) == Columns([price], [size])
    reader.refine(-finer, -finer)
    assert untold(reader(raw)) == Columns([price * 10**finer], [size * 10**finer])


def test_rows_come_with_their_texts() -> None:
    reader = TextRows(-1, -8)
    texts = [("30249.40", "1.500"), ("30249.3", "0")]
    assert reader(write_rows(texts)) == Columns([302494, 302493], [150000000, 0], texts=texts)


class TestActions:
    raw = b'[["new",0.0015,4714.0],["change",0.001,861.5],["delete",0.0005,0.0]]'

    def test_doubles_become_the_decimals_they_stand_for(self) -> None:
        assert ActionRows(-4, -1)(self.raw) == Columns(
            [15, 10, 5], [47140, 8615, 0], ["new", "change", "delete"]
        )

    def test_texts_are_the_shortest_of_each_double(self) -> None:
        assert ActionRows(-4, -1).texts(self.raw) == [("0.0015", "4714"), ("0.001", "861.5"), ("0.0005", "0")]

    def test_a_combo_may_have_a_price_below_zero(self) -> None:
        assert ActionRows(-4, -1)(b'[["new",-0.0015,1.0]]') == Columns([-15], [10], ["new"])

    @given(price=st.integers(0, 10**9), size=st.integers(1, 10**9), exponent=st.integers(-8, 0))
    def test_every_decimal_is_read_as_itself(self, price: int, size: int, exponent: int) -> None:
        texts = (float(Decimal(value).scaleb(exponent)) for value in (price, size))
        raw = json.dumps([["new", *texts]]).encode()
        assert ActionRows(exponent, exponent)(raw) == Columns([price], [size], ["new"])

    @pytest.mark.parametrize("raw", [b'[["new",0.00015,1.0]]', b'[["new",1e300,1.0]]', b'[["new",1.0,0.05]]'])
    def test_a_double_between_two_ticks_is_refused(self, raw: bytes) -> None:
        with pytest.raises(PrecisionError):
            ActionRows(-4, -1)(raw)

    @pytest.mark.parametrize(
        "raw",
        [
            *(b'[["delete",0.1,5.0]]', b'[["new",0.1,0.0]]', b'[["change",0.1,0.0]]', b'[["new",0.1,-5.0]]'),
            *(b'[["added",0.1,5.0]]', b'[["new",0.1]]', b'[["new","0.1",5.0]]', b'[["new",null,5.0]]'),
            *(b'[["new",0.1,5.0,1]]', b"[[]]", b"[[", b"{}", b'[["\xff",0.1,5.0]]', b'[["new",1e400,1.0]]'),
            *(b'[["new",NaN,1.0]]', b"[" * 100_000),
        ],
    )
    def test_an_action_that_does_not_fit_its_amount_or_shape_is_refused(self, raw: bytes) -> None:
        with pytest.raises(MalformedError):
            ActionRows(-4, -1)(raw)


@pytest.mark.parametrize("text", ["-1", "-0", "-0.0", "9223372036854775808"])
def test_a_mantissa_has_no_sign_and_64_bits(text: str) -> None:
    with pytest.raises(PrecisionError):
        mantissa(text, 0)


def test_bare_numbers_may_have_an_exponent_and_keep_their_digits() -> None:
    raw = b'[{"price":1.230e-05,"qty":1500.0},{"price":1.229E-5,"qty":7e0},{"price":2e+1,"qty":1.5e1}]'
    reader = NumberObjects(-8, -8)
    assert reader.texts(raw) == [("0.00001230", "1500.0"), ("0.00001229", "7"), ("20", "15")]
    assert reader(raw) == Columns([1230, 1229, 2_000_000_000], [150_000_000_000, 700_000_000, 1_500_000_000])


def test_a_double_may_have_a_mantissa_longer_than_a_double_holds() -> None:
    reader = ActionRows(-12, -10)
    assert reader(b'[["new",60000.5,250000.0]]') == Columns([60_000_500_000_000_000], [25 * 10**14], ["new"])
    with pytest.raises(PrecisionError, match="float noise"):
        reader(b'[["new",3000.0500000000006,1.0]]')


def test_exponents_are_what_the_longest_texts_need() -> None:
    assert read_exponents([("61837.63", "1"), ("61837.6", "0.00100000")]) == (-2, -8)
    assert read_exponents([]) == (0, 0)


def test_every_kind_of_reader_is_tested_here() -> None:
    found = {kind.__name__ for kind in READERS} | {ActionRows.__name__}
    source = Reader.__module__
    module = __import__(source, fromlist=["*"])
    readers = {
        name
        for name, thing in vars(module).items()
        if isinstance(thing, type)
        and thing.__module__ == source
        and not name.startswith("_")
        and callable(getattr(thing, "refine", None))
    } - {"Reader"}
    assert readers == found
