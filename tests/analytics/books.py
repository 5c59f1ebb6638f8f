"""Random books, whole and as far as they are known."""

from collections.abc import Iterator
from random import Random

from hypothesis import strategies as st

from deltawire.analytics.known_book import KnownBook, known_book

Levels = dict[float, float]


def side(sign: int) -> st.SearchStrategy[Levels]:
    """Levels of one side around 1000 in ticks of 0.5."""
    return st.dictionaries(
        st.integers(1, 80).map(lambda at: 1000.0 + sign * at / 2), st.integers(1, 99).map(float), max_size=12
    )


@st.composite
def narrow(draw: st.DrawFn) -> tuple[KnownBook, KnownBook, KnownBook]:
    """(the whole book, the part that is known, the same part beside other levels beyond it)."""
    bids, asks = draw(side(-1)), draw(side(1))
    low = draw(st.none() | st.integers(1, 80).map(lambda at: 1000.0 - at / 2))
    high = draw(st.none() | st.integers(1, 80).map(lambda at: 1000.0 + at / 2))
    strays = draw(side(-1)), draw(side(1))
    beyond_bids = {price: size for price, size in strays[0].items() if low is not None and price < low}
    beyond_asks = {price: size for price, size in strays[1].items() if high is not None and price > high}
    inner_bids = {price: size for price, size in bids.items() if low is None or price >= low}
    inner_asks = {price: size for price, size in asks.items() if high is None or price <= high}
    return (
        known_book(bids.items(), asks.items()),
        known_book(inner_bids.items(), inner_asks.items(), complete_to=(low, high)),
        known_book(
            {**inner_bids, **beyond_bids}.items(),
            {**inner_asks, **beyond_asks}.items(),
            complete_to=(low, high),
        ),
    )


def random_books(count: int, levels: int, seed: int = 5) -> Iterator[KnownBook]:
    """Whole books that change by a level at a time, and by their mid."""
    random = Random(seed)
    middle = 20_000
    sides: list[dict[int, int]] = [{}, {}]
    for number in range(count):
        if random.random() < 0.15:
            middle += random.choice([-2, -1, 1, 2])
        for way, levels_of in zip((-1, 1), sides, strict=True):
            for price in [price for price in levels_of if (price - middle) * way < 1]:
                del levels_of[price]
            for _ in range(random.randint(0, 2)):
                levels_of[middle + way * random.randint(1, 2 * levels)] = random.randint(1, 50)
            at = 1
            while len(levels_of) < levels:
                levels_of.setdefault(middle + way * at, random.randint(1, 50))
                at += 1
        yield known_book(
            *([(price / 10, float(size)) for price, size in levels_of.items()] for levels_of in sides),
            venue_ns=number * 1_000_000,
            seq=number,
        )
