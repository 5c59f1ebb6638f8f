"""Flow of trades and spreads against sums over all trades."""

from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deltawire.analytics.known_book import known_book
from deltawire.analytics.order_flow_arrays import regress
from deltawire.analytics.spreads import RealisedSpreads, effective_bp, quoted_bp
from deltawire.analytics.trade_flow import ImpactPairs, KylesLambda, LearnedVpin, TradeImbalance, Vpin
from deltawire.analytics.trade_flow_arrays import bucket_imbalances, signed, vpin
from tests.support.effort import examples

RANDOM = Random(4)
TRADES = [
    (
        100 + RANDOM.gauss(0, 0.5),
        float(RANDOM.randint(1, 9)),
        RANDOM.random() < 0.5,
        100 + RANDOM.gauss(0, 0.2),
    )
    for _ in range(300)
]


def test_trade_imbalance() -> None:
    live = TradeImbalance(25)
    for number, (_, size, buy, _) in enumerate(TRADES):
        found = live.update(size, buy)
        if number < 24:
            assert found is None
            continue
        recent = TRADES[number - 24 : number + 1]
        bought = sum(size for _, size, buy, _ in recent if buy)
        volume = sum(size for _, size, _, _ in recent)
        assert found == pytest.approx((2 * bought - volume) / volume, abs=1e-12)


def test_vpin_is_that_of_units_of_volume_in_their_order() -> None:
    live, units = Vpin(13.0, 5), []
    for _, size, buy, _ in TRADES:
        found = live.update(size, buy)
        units += [1 if buy else -1] * int(size)
        full = [abs(sum(units[at : at + 13])) for at in range(0, len(units) - 12, 13)][-5:]
        if len(full) < 5:
            assert found is None
        else:
            assert found == pytest.approx(sum(full) / 65)


def test_a_trade_larger_than_the_window_fills_every_bucket() -> None:
    assert Vpin(10.0, 3).update(35.0, True) == 1.0


def test_kyles_lambda_is_the_slope_of_least_squares() -> None:
    live = KylesLambda(40)
    found = [live.update(size, buy, mid) for _, size, buy, mid in TRADES]
    assert found[39] is None
    for number in range(40, 300, 13):
        recent = TRADES[number - 39 : number + 1]
        flow = [size if buy else -size for _, size, buy, _ in recent]
        moves = np.diff([TRADES[number - 40][3], *(mid for *_, mid in recent)])
        slope = np.polyfit(flow, moves, 1)[0]
        impact = found[number]
        assert impact is not None
        assert impact.slope == pytest.approx(slope, rel=1e-9)
        assert impact.r_squared == pytest.approx(np.corrcoef(flow, moves)[0, 1] ** 2)
        assert impact.count == 40


def test_volume_that_never_varies_has_no_slope() -> None:
    live = KylesLambda(3)
    assert [live.update(1.0, True, mid) for mid in (1.0, 2.0, 3.0, 4.0)] == [None] * 4


def test_the_effective_spread_is_the_realised_and_the_impact() -> None:
    live = RealisedSpreads(7)
    for number, (price, _, buy, mid) in enumerate(TRADES):
        found = live.update(price, buy, mid)
        if number < 7:
            assert found is None
            continue
        paid, _, bought, then = TRADES[number - 7]
        assert found is not None
        assert found.effective_bp == pytest.approx(effective_bp(paid, bought, then))
        assert found.effective_bp == pytest.approx(found.realised_bp + found.impact_bp)
        assert found.realised_bp == pytest.approx((1 if bought else -1) * 2e4 * (paid - mid) / then)


def test_the_quoted_spread() -> None:
    assert quoted_bp(known_book([(99.0, 1.0)], [(101.0, 1.0)])) == pytest.approx(200.0)
    assert quoted_bp(known_book([(99.0, 1.0)], [])) is None


@st.composite
def trade_lists(draw: st.DrawFn) -> list[tuple[float, bool]]:
    count, seed = draw(st.integers(1, 400)), draw(st.integers(0, 10**6))
    random = Random(seed)
    return [
        (random.choice([0.001, 0.5, 1.0, 7.0]) * random.randint(1, 9), random.random() < 0.5)
        for _ in range(count)
    ]


@settings(max_examples=examples(60))
@given(trade_lists(), st.floats(0.5, 50.0), st.integers(1, 12))
def test_vpin_is_that_of_arrays(trades: list[tuple[float, bool]], bucket: float, buckets: int) -> None:
    sizes, buys = zip(*trades, strict=True)
    over = sum(sizes) / bucket % 1
    assume(min(over, 1 - over) > 1e-9)  # at an edge a rounding error decides
    live = Vpin(bucket, buckets)
    for size, buy in trades:
        live.add(size, buy)
    full = bucket_imbalances(sizes, buys, bucket)
    found = live.measured
    assert found.band == min(len(full), buckets)
    assert found.known == (found.band == buckets)
    if found.known:
        assert found.value == pytest.approx(vpin(sizes, buys, bucket=bucket, buckets=buckets)[-1], abs=1e-9)
    elif found.band:
        assert found.value == pytest.approx(full[: int(found.band)].mean() / bucket, abs=1e-9)


def test_a_bucket_is_learned_and_the_trades_that_it_is_learned_from_count() -> None:
    live, none = LearnedVpin(4, 10, 30), LearnedVpin(4, 10, 30)
    for _, size, buy, _ in TRADES[:29]:
        live.add(size, buy)
    assert live.measured == (None, 0, 4, False, None)
    live.add(*TRADES[29][1:3])
    bucket = sum(each[1] for each in TRADES[:30]) / 3
    known = Vpin(bucket, 4)
    for _, size, buy, _ in TRADES[:30]:
        known.add(size, buy)
    assert live.measured == (known.measured.value, 3, 4, False, bucket)
    for _, size, buy, _ in TRADES[30:100]:
        live.add(size, buy)
        known.add(size, buy)
    assert live.measured == (known.measured.value, 4, 4, True, bucket)
    live.reset()
    assert live.measured == (None, 0, 4, False, bucket)
    assert none.measured.bucket is None


@settings(max_examples=examples(60))
@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-4, 4)), min_size=1, max_size=90), st.integers(2, 40)
)
def test_the_impact_of_intervals_is_that_of_arrays(pairs: list[tuple[int, int]], window: int) -> None:
    live = ImpactPairs(window)
    for flow, move in pairs:
        live.add(flow / 8, move / 2)
    recent = np.array(pairs[-window:], dtype=float) / (8, 2)
    found = live.measured
    assert (found.band, found.window, found.known) == (len(recent), window, len(pairs) >= window)
    if len(recent) < 2 or np.ptp(recent[:, 0]) == 0.0:
        assert found.impact is None
        return
    assert found.impact is not None
    fit = regress(recent[:, 1], recent[:, 0])
    assert found.impact.slope == pytest.approx(fit.slope[0], rel=1e-9, abs=1e-12)
    assert found.impact.r_squared == pytest.approx(fit.r_squared, rel=1e-9, abs=1e-9)


def test_signed_volume_of_arrays() -> None:
    assert signed([1.0, 2.0, 3.0], [True, False, True]).tolist() == [1.0, -2.0, 3.0]
    assert vpin([1.0], [True], bucket=1.0, buckets=2).tolist() == []
