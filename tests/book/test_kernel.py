"""The compiled kernel and its twin: the same values from the same history, piece by piece."""

import os
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.book import columns, pure
from deltawire.book.columns import ActionRows, NumberObjects, TextPairs, TextRows
from deltawire.book.refinement import read_exponents
from deltawire.errors import VenueError
from deltawire.model.events import Changes, Levels
from deltawire.model.instruments import Instrument
from deltawire.wire.notifications import BookFormat, BookNote, BookStatus, Envelope

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
    ours, theirs = _kernel.Side(bid=bid), pure.Side(bid=bid)
    ours_pending, theirs_pending = _kernel.Pending(), pure.Pending()
    for step in history:
        changes, wanted = act(ours, step), act(theirs, step)
        assert changes == wanted
        if step[0] in ("apply", "many"):
            ours_pending.add(changes)
            theirs_pending.add(wanted)
        else:
            ours_pending, theirs_pending = _kernel.Pending(), pure.Pending()
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
    for module in (_kernel, pure):
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
    for make in (_kernel.Side, pure.Side):
        side, target = make(bid=bid), make(bid=bid)
        side.load(*columns_of(before))
        target.load(*columns_of(after))
        wanted = target.levels()
        changes = side.diff(wanted)
        side.follow(changes)
        assert side == target
        side.become(wanted)
        assert side == target == target.copy()
        found.append(changes)
    assert found[0] == found[1]


@pytest.mark.parametrize("bid", [True, False])
def test_random_updates_of_a_side_give_the_same_changes(bid: bool) -> None:
    random = Random(f"updates {bid}")
    ours, theirs = _kernel.Side(bid=bid), pure.Side(bid=bid)
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


@pytest.mark.parametrize("bid", [True, False])
@pytest.mark.parametrize("grain", [1, 5, 96, 10**6, 10**12])
@pytest.mark.parametrize("odd", [0.0, 0.002])
def test_sides_of_a_market_that_wanders_are_the_same(*, bid: bool, grain: int, odd: float) -> None:
    """Prices are multiples of `grain`, but for a share of odd ones; the best jumps, and comes back."""
    random = Random(f"{bid} {grain} {odd}")
    ours, theirs = _kernel.Side(bid=bid), pure.Side(bid=bid)
    middle = 0
    for _ in range(300):
        middle += random.choice((-2_500, -600, -3, -1, 0, 0, 0, 1, 3, 600, 2_500))
        prices = []
        for _ in range(20):
            away = int(random.expovariate(random.choice((0.001, 0.1))))
            price = (middle - away if bid else middle + away) * grain
            prices.append(price + (random.random() < odd))
        prices += random.sample(theirs.top(40), min(8, len(theirs)))
        sizes = [random.choice((0, 1, 2)) for _ in prices]
        if random.random() < 0.02:
            ours.load(prices, sizes)
            theirs.load(prices, sizes)
        else:
            assert ours.apply(prices, sizes) == theirs.apply(prices, sizes)
        assert ours.best() == theirs.best()
        assert ours.top(25) == theirs.top(25)
    assert ours.levels() == theirs.levels()


@pytest.mark.parametrize("bid", [True, False])
def test_a_price_at_the_edge_of_64_bits_comes_and_goes(*, bid: bool) -> None:
    edge = (1 << 63) - 1 if bid else -(1 << 63)
    found = []
    for make in (_kernel.Side, pure.Side):
        side = make(bid=bid)
        side.load(range(1_000, 500_000, 1_000), [1] * 499)
        side.apply([edge, edge], [3, 0])
        found.append([side.best(), side.top(3)])
        side.apply([edge, edge, edge], [1, 0, 3])
        found[-1] += [side.best(), side.top(3)]
        side.apply([edge], [0])
        found[-1] += [side.best(), side.top(3), side.levels()]
    assert found[0] == found[1]


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
    columns = _kernel.read_columns(form, raw, *exponents)
    try:
        wanted = make(*exponents)(raw)
    except VenueError:
        assert columns is None, "the kernel leaves it to the reader to refuse"
    else:
        assert columns is None or columns == (wanted.prices, wanted.sizes, wanted.actions or None)


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


shown_texts = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9})?", fullmatch=True) | st.from_regex(
    r"[0-9]{1,10}\.0{1,20}", fullmatch=True
)


@given(
    form=st.sampled_from(sorted(FORMS)),
    rows=st.lists(st.tuples(shown_texts | texts, shown_texts | texts), max_size=4),
    finer=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
def test_places_are_told_only_where_every_text_shows_no_more_and_fits(
    form: str, rows: list[tuple[str, str]], finer: tuple[int, int]
) -> None:
    make, row = FORMS[form]
    raw = f"[{','.join(row % pair for pair in rows)}]".encode()
    places = _kernel.read_places(form, raw)
    if places is None:
        return
    prices, sizes = read_exponents(make(0, 0).texts(raw))
    assert (-places[0], -places[1]) == (prices, sizes)
    columns = make(min(prices, -finer[0]), min(sizes, -finer[1]))(raw)
    assert len(columns.prices) == len(rows)


@pytest.mark.parametrize(
    ("form", "raw", "wanted"),
    [
        ("text_pairs", b'[["61837.60","1.5"],["1","0.000"]]', (2, 3)),
        ("text_rows", b'[["61837.6","2","0","12"]]', (1, 0)),
        ("number_objects", b'[{"price":63005.0,"qty":0.12500000}]', (1, 8)),
        ("number_objects", b"[]", (0, 0)),
        ("number_objects", b'[{"price":63005.0,"qty":0.125000000}]', None),
        ("number_objects", b'[{"price":63005.0,"qty":0.125000001}]', None),
        ("number_objects", b'[{"price":12345678901,"qty":1}]', None),
        ("action_rows", b'[["new",0.5,2.0]]', None),
        ("text_pairs", b'[["1","2"]]]', None),
    ],
)
def test_the_places_that_a_level_array_shows(form: str, raw: bytes, wanted: Any) -> None:
    assert _kernel.read_places(form, raw) == wanted


changes = st.lists(st.tuples(int64s | st.integers(-9999, 9999), sizes, sizes), max_size=8)
PLACES = st.integers(-18, 0)


@given(
    sides=st.tuples(changes, changes),
    places=st.tuples(PLACES, PLACES),
    numbers=st.tuples(int64s, int64s, int64s),
    before=st.none() | int64s,
    news=st.sampled_from(
        [None, BookStatus("live"), BookStatus("stale", 'g"ap'), BookStatus("stale", "closed", "expired")]
    ),
    checksum=st.none() | st.integers(0, 0xFFFFFFFF),
    exponents=st.booleans(),
    more=st.sampled_from([b"", b',"conflated":3']),
)
def test_notifications_are_written_as_msgspec_writes_them(
    sides: tuple[list[Any], list[Any]],
    places: tuple[int, int],
    numbers: tuple[int, int, int],
    before: int | None,
    news: BookStatus | None,
    checksum: int | None,
    exponents: bool,
    more: bytes,
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
    bids, asks = (
        Changes(*map(list, zip(*rows, strict=True))) if rows else Changes([], [], []) for rows in sides
    )
    seq, at_ns, change_id = numbers
    note = BookNote(
        "snapshot" if before is None else "change",
        at_ns,
        instrument.name,
        instrument,
        change_id,
        bids,
        asks,
        before,
        news,
        checksum,
        exponents,
    )
    plain = BookFormat(Envelope("book.X.raw", "epoch"))
    compiled = _kernel.BookFormat(Envelope("book.X.raw", "epoch").head, plain)
    for prev_seq in (None, before):
        assert compiled.format(seq, prev_seq, note, more) == plain.format(seq, prev_seq, note, more)


@given(
    bid=st.booleans(),
    depth=st.sampled_from([1, 2, 5, 50]),
    history=st.lists(st.tuples(levels, st.booleans(), st.sampled_from([1, 10])), max_size=8),
)
def test_the_best_levels_published_are_the_same(bid: bool, depth: int, history: list[Any]) -> None:
    found = []
    for module in (_kernel, pure):
        side, top, said = module.Side(bid=bid), module.Top(depth), []
        for pairs, published, factor in history:
            small = [(price % 1000, size % 1000) for price, size in pairs]
            top.add(side.apply(*columns_of(small)))
            said.append(bool(top))
            if published:
                said.append(top.take(side))
            side.rescale(factor, 1)
            top.rescale(factor, 1)
            said += [top.published(side), top.published(side, 2), module.level_digits(side.levels(), 10)]
            said += [top.size(side, price * factor) for price, _ in small]
        found.append(said)
    assert found[0] == found[1]


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
