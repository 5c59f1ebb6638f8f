"""Flow of trades and spreads against sums over all trades."""

from random import Random

import numpy as np
import pytest

from deltawire.analytics.known_book import known_book
from deltawire.analytics.spreads import RealisedSpreads, effective_bp, quoted_bp
from deltawire.analytics.trade_flow import KylesLambda, TradeImbalance, Vpin

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
