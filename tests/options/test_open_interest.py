"""Ratios, max pain and gamma exposure against sums option by option."""

import numpy as np
import pytest

from deltawire.options.black76 import evaluate
from deltawire.options.open_interest import (
    CONVENTIONS,
    OpenOptions,
    gamma_exposure,
    max_pain,
    positions_from_flow,
    put_call_ratios,
)

CALL = np.array([True, True, True, False, False, False])
STRIKE = np.array([90.0, 100.0, 110.0] * 2)
HELD = np.array([10.0, 50.0, 80.0, 120.0, 40.0, 5.0])


def test_put_call_ratios_by_three_measures() -> None:
    found = put_call_ratios(CALL, HELD, [1, 1, 2, 1, 0, 0], premium=[5.0, 5.0, 0.0, 20.0, 0.0, 0.0])
    assert (found.by_open_interest, found.by_volume, found.by_premium) == (165 / 140, 1 / 4, 2.0)
    assert put_call_ratios([False], [1.0], [0.0], premium=[0.0]).by_open_interest is None


def test_max_pain_is_the_strike_of_the_least_payout() -> None:
    def payout(end: float) -> float:
        worth = [max(end - k, 0) if call else max(k - end, 0) for call, k in zip(CALL, STRIKE, strict=True)]
        return float(np.dot(worth, HELD))

    found = max_pain(CALL, STRIKE, HELD, open_interest_ns=17)
    assert found is not None
    assert found.strike == min((90.0, 100.0, 110.0), key=payout)
    assert (found.payout, found.open_interest_ns) == (payout(found.strike), 17)
    assert max_pain(CALL, STRIKE, np.zeros(6), open_interest_ns=17) is None


def naive(signs: np.ndarray, spot: float, multiplier: float) -> float:
    total = 0.0
    for call, strike, held, sign in zip(CALL, STRIKE, HELD, signs, strict=True):
        total += (
            sign
            * evaluate(bool(call), spot * 1.01, strike, 0.1, 0.6).gamma
            * held
            * multiplier
            * spot**2
            / 100
        )
    return total


def test_gamma_exposure_by_strike_and_by_named_convention() -> None:
    options = OpenOptions(CALL, STRIKE, 101.0, 0.1, 0.6, HELD, multiplier=10.0)
    found = gamma_exposure(options, 100.0)
    assert found.strikes.tolist() == [90.0, 100.0, 110.0]
    for at, strike in enumerate(found.strikes):
        assert found.gross[at] == pytest.approx(naive((strike == STRIKE).astype(float), 100.0, 10.0))
    for name, (calls, puts) in CONVENTIONS.items():
        assert found.net[name] == pytest.approx(naive(np.where(CALL, calls, puts), 100.0, 10.0))
    usual = found.zero["dealers_long_calls_short_puts"]
    assert usual is not None
    signs = np.where(CALL, 1.0, -1.0)
    assert naive(signs, usual - 0.3, 10.0) < 0 < naive(signs, usual + 0.3, 10.0)
    assert found.zero["dealers_short_all"] is None
    assert found.zero_span == (usual, usual)
    assert found.from_flow is found.flow_coverage is None


def test_net_from_trades_states_how_much_of_the_open_interest_they_explain() -> None:
    options = OpenOptions(CALL, STRIKE, 101.0, 0.1, 0.6, HELD)
    flow = positions_from_flow([-10.0, 5.0, 500.0, 0.0, -20.0, 0.0], HELD)
    assert flow.net.tolist() == [-10.0, 5.0, 80.0, 0.0, -20.0, 0.0]
    assert flow.coverage == pytest.approx(100 * 115 / 305)
    found = gamma_exposure(options, 100.0, flow=flow)
    assert found.from_flow == pytest.approx(naive(-flow.net / HELD, 100.0, 1.0))
    assert found.flow_coverage == flow.coverage
    assert positions_from_flow([0.0], [0.0]).coverage == 0.0
