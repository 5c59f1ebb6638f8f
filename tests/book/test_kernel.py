"""The compiled kernel and its twin: the same values from the same history, piece by piece."""

import os
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.book import columns, twin
from deltawire.book.columns import ActionRows, NumberObjects, TextPairs, TextRows
from deltawire.errors import VenueError
from deltawire.model.events import Changes, Levels
from deltawire.model.instruments import Instrument
from deltawire.wire.notifications import BookData, ChangeFormat, Envelope, change_triples, format_data

_kernel = pytest.importorskip("deltawire.book._kernel", reason="the compiled kernel is not built")

UPDATES = int(os.environ.get("DELTAWIRE_UPDATES", "40_000"))
PER_MESSAGE = 40
int64s = st.integers(-(1 << 63), (1 << 63) - 1)
prices = st.one_of(st.integers(-60, 60), st.integers(-5_000, 5_000), int64s)
sizes = st.one_of(st.just(0), st.integers(1, 5), int64s)
levels = st.lists(st.tuples(prices, sizes), max_size=60)
counts = st.sampled_from([0, 1, 5, 10, 25, 33, 129, 400, 10_000])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), levels),
        st.tuples(st.just("load"), levels),
        st.tuples(st.just("many"), st.tuples(st.integers(-300, 300), st.integers(1, 700), st.integers(0, 3))),
        st.tuples(st.just("undone"), levels),
        st.tuples(st.just("truncate"), counts),
        st.tuples(st.just("rescale"), st.tuples(st.sampled_from([1, 10, 1000]), st.sampled_from([1, 10]))),
    ),
    max_size=12,
)


def columns_of(pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [price for price, _ in pairs], [size for _, size in pairs]


def act(side: Any, step: tuple[str, Any]) -> Any:
    """One step on one side; what it returned, or how it was refused."""
    kind, detail = step
    if kind == "apply":
        return side.apply(*columns_of(detail))
    if kind == "load":
        return side.load(*columns_of(detail))
    if kind == "many":
        start, count, size = detail
        return side.apply(range(start, start + count), [size] * count)
    if kind == "undone":
        changes = side.apply(*columns_of(detail))
        side.revert(changes)
        return changes
    if kind == "truncate":
        return side.truncate(detail)
    fits = all(
        abs(price) * detail[0] < 1 << 63 and abs(size) * detail[1] < 1 << 63
        for price, size in zip(side.levels().prices, side.levels().sizes, strict=True)
    )
    if fits:
        return side.rescale(*detail)
    if isinstance(side, _kernel.Side):
        with pytest.raises(OverflowError):
            side.rescale(*detail)
    return None


@given(bid=st.booleans(), history=steps, asked=counts)
def test_sides_with_the_same_history_are_the_same(bid: bool, history: list[Any], asked: int) -> None:
    ours, theirs = _kernel.Side(bid=bid), twin.Side(bid=bid)
    ours_pending, theirs_pending = _kernel.Pending(), twin.Pending()
    for step in history:
        changes, wanted = act(ours, step), act(theirs, step)
        assert changes == wanted
        if step[0] in ("apply", "many"):
            ours_pending.add(changes)
            theirs_pending.add(wanted)
        else:
            ours_pending, theirs_pending = _kernel.Pending(), twin.Pending()
        assert ours.levels() == theirs.levels()
        assert len(ours) == len(theirs)
        assert ours.best() == theirs.best()
        assert ours.top(asked) == theirs.top(asked)
        assert ours.levels(asked) == theirs.levels(asked)
        assert ours.digits(asked) == theirs.digits(asked)
        assert bool(ours_pending) == bool(theirs_pending)
        assert ours_pending.published(ours, asked) == theirs_pending.published(theirs, asked)
    assert ours_pending.take(ours) == theirs_pending.take(theirs)


@given(earlier=levels, later=levels)
def test_what_is_pending_follows_in_the_same_order(earlier: list[Any], later: list[Any]) -> None:
    found = []
    for module in (_kernel, twin):
        side, first, second = module.Side(bid=True), module.Pending(), module.Pending()
        first.add(side.apply(*columns_of(earlier)))
        second.add(side.apply(*columns_of(later)))
        first.follow(second)
        sizes = [first.size(side, price) for price, _ in earlier + later]
        found.append((list(first.before().items()), sizes, bool(second), first.take(side), bool(first)))
    assert found[0] == found[1]


@given(bid=st.booleans(), before=levels, after=levels)
def test_the_way_from_one_side_to_another_is_the_same(bid: bool, before: list[Any], after: list[Any]) -> None:
    found = []
    for make in (_kernel.Side, twin.Side):
        side, target = make(bid=bid), make(bid=bid)
        side.load(*columns_of(before))
        target.load(*columns_of(after))
        wanted = target.levels()
        changes = side.diff(wanted.prices, wanted.sizes)
        side.follow(changes)
        assert side == target
        side.become(wanted)
        assert side == target == target.copy()
        found.append(changes)
    assert found[0] == found[1]


@pytest.mark.parametrize("bid", [True, False])
def test_random_updates_of_a_side_give_the_same_changes(bid: bool) -> None:
    random = Random(f"updates {bid}")
    ours, theirs = _kernel.Side(bid=bid), twin.Side(bid=bid)
    middle = 0
    for _ in range(UPDATES // 2 // PER_MESSAGE):
        middle += random.randrange(-3, 4)
        away = [int(random.expovariate(0.02)) for _ in range(PER_MESSAGE)]
        prices = [middle - each if bid else middle + each for each in away]
        sizes = [random.choice((0, 0, 1, 2, 3)) for _ in prices]
        assert ours.apply(prices, sizes) == theirs.apply(prices, sizes)
        assert ours.best() == theirs.best()
        assert ours.top(10) == theirs.top(10)
    assert ours.levels() == theirs.levels()


def test_a_side_refuses_what_does_not_fit_64_bits() -> None:
    side = _kernel.Side(bid=True)
    with pytest.raises(OverflowError):
        side.apply([1 << 63], [1])
    with pytest.raises(OverflowError):
        side.load([1], [1 << 63])
    side.apply([(1 << 62)], [1])
    with pytest.raises(OverflowError):
        side.rescale(10, 1)
    assert side.levels() == Levels([1 << 62], [1])


texts = st.one_of(
    st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,12})?", fullmatch=True),
    st.from_regex(r"-?[0-9]{0,25}\.?[0-9]{0,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["0", "-0", "00", "01", "NaN", "1e400", "1.", ".5", "", " 1", "+1", "9223372036854775807"]
    ),
)
FORMS: dict[str, tuple[Any, str]] = {
    "text_pairs": (TextPairs, '["%s","%s"]'),
    "text_rows": (TextRows, '["%s","%s","0","1"]'),
    "number_objects": (NumberObjects, '{"price":%s,"qty":%s}'),
    "action_rows": (ActionRows, '["change",%s,%s]'),
}
exponents = st.tuples(st.integers(-18, 0), st.integers(-18, 0))


@given(
    form=st.sampled_from(sorted(FORMS)),
    rows=st.lists(st.tuples(texts, texts), max_size=4),
    exponents=exponents,
    cut=st.integers(0, 3),
)
def test_what_the_kernel_reads_is_what_the_readers_read(
    form: str, rows: list[tuple[str, str]], exponents: tuple[int, int], cut: int
) -> None:
    make, row = FORMS[form]
    whole = f"[{','.join(row % pair for pair in rows)}]".encode()
    raw = whole[: len(whole) - cut]
    found = _kernel.read_columns(form, raw, *exponents)
    try:
        wanted = make(*exponents)(raw)
    except VenueError:
        assert found is None, "the kernel leaves it to the reader to refuse"
    else:
        assert found is None or found == (wanted.prices, wanted.sizes, wanted.actions or None)


@pytest.mark.parametrize(
    ("form", "raw", "wanted"),
    [
        ("text_pairs", b'[["61837.60","1.5"],["1","0.000"]]', ([6183760, 100], [1500, 0], None)),
        ("text_rows", b'[["61837.6","1.5","0","12"]]', ([6183760], [1500], None)),
        ("number_objects", b'[{"price":63005.0,"qty":0.125}]', ([6300500], [125], None)),
        ("action_rows", b'[["new",0.5,2.0],["delete",1,0.0]]', ([50, 100], [2000, 0], ["new", "delete"])),
        ("text_pairs", b"[]", ([], [], None)),
    ],
)
def test_the_kernel_does_read_what_venues_send(form: str, raw: bytes, wanted: Any) -> None:
    assert _kernel.read_columns(form, raw, -2, -3) == wanted


changes = st.lists(st.tuples(int64s | st.integers(-9999, 9999), sizes, sizes), max_size=8)
PLACES = st.integers(-18, 0)


@given(
    bids=changes, asks=changes, places=st.tuples(PLACES, PLACES), numbers=st.tuples(int64s, int64s, int64s)
)
def test_changes_are_written_as_msgspec_writes_them(
    bids: list[Any], asks: list[Any], places: tuple[int, int], numbers: tuple[int, int, int]
) -> None:
    instrument = Instrument(
        venue="v",
        name='a"b',
        kind="spot",
        base="A",
        quote="B",
        settlement="B",
        price_exponent=places[0],
        size_exponent=places[1],
    )
    both = [
        Changes(*map(list, zip(*rows, strict=True))) if rows else Changes([], [], []) for rows in (bids, asks)
    ]
    envelope = Envelope("book.X.raw", "epoch")
    plain = ChangeFormat(envelope.head, instrument.name)
    seq, at_ms, change_id = numbers
    checksum = seq & 0xFFFFFFFF or None
    told = seq, at_ms, change_id, 7, *both, instrument, checksum
    triples = [change_triples(each, instrument) for each in both]
    data = BookData("change", at_ms, instrument.name, change_id, triples[0], triples[1], 7, checksum=checksum)
    wanted = envelope.wrap(seq, format_data(data))
    assert plain.format(*told) == wanted
    assert _kernel.ChangeFormat(envelope.head, instrument.name, plain).format(*told) == wanted


def test_changes_and_levels_are_values_like_the_plain_ones() -> None:
    plain, ours = Changes([1, 2], [3, 0], [0, 4]), _kernel.Changes([1, 2], [3, 0], [0, 4])
    assert plain == ours
    assert ours == plain
    assert repr(plain) == repr(ours)
    assert msgspec.json.encode(plain) == msgspec.json.encode(ours)
    assert msgspec.msgpack.encode(plain) == msgspec.msgpack.encode(ours)
    assert bool(ours)
    assert not _kernel.Changes([], [], [])
    side = _kernel.Side(bid=True)
    side.load([1, 2], [3, 4])
    assert side.levels() == Levels([2, 1], [4, 3])
    assert repr(side.levels()) == repr(Levels([2, 1], [4, 3]))
    assert msgspec.json.encode(side.levels()) == msgspec.json.encode(Levels([2, 1], [4, 3]))
    assert columns.Columns(side.levels().prices, []).prices == [2, 1]
