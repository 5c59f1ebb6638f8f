"""Forwards of expiries: the listed future first, else what parity says at prices that can be traded."""

import numpy as np
import pytest

from deltawire.options.black76_arrays import prices
from deltawire.options.forwards import Forward, forward_of_expiry, synthetic_forward

FORWARD, YEARS = 61_234.5, 0.1
STRIKES = np.arange(40_000.0, 90_000.0, 2_500.0)


def quotes(half: float, in_coin: bool) -> dict[str, np.ndarray]:
    unit = FORWARD if in_coin else 1.0
    call, put = (prices(side, FORWARD, STRIKES, years=YEARS, vol=0.6) / unit for side in (True, False))
    half /= unit
    return {"call_bid": call - half, "call_ask": call + half, "put_bid": put - half, "put_ask": put + half}


@pytest.mark.parametrize("in_coin", [False, True])
def test_parity_gives_the_forward_back_within_its_bounds(in_coin: bool) -> None:
    found = synthetic_forward(STRIKES, **quotes(10.0, in_coin), in_coin=in_coin)
    assert found is not None
    assert found.price == pytest.approx(FORWARD, rel=1e-3 if in_coin else 1e-12)
    assert found.low <= FORWARD <= found.high
    assert (found.source, found.strikes) == ("parity", len(STRIKES))


def test_one_stale_strike_moves_nothing_but_is_seen_in_the_bounds() -> None:
    sides = quotes(10.0, False)
    for side in ("call_bid", "call_ask"):
        sides[side][3] += 900.0
    found = synthetic_forward(STRIKES, **sides)
    assert found is not None
    assert found.price == pytest.approx(FORWARD, rel=1e-12)
    assert found.low > found.high


def test_strikes_without_all_four_quotes_count_for_nothing() -> None:
    sides = quotes(10.0, False)
    sides["put_ask"][:-1] = np.nan
    found = synthetic_forward(STRIKES, **sides)
    assert found is not None
    assert found.strikes == 1
    sides["put_ask"][-1] = np.nan
    assert synthetic_forward(STRIKES, **sides) is None


def test_a_listed_future_goes_first_if_it_is_quoted() -> None:
    synthetic = Forward(100.0, 99.0, 101.0, "parity", 4)
    assert forward_of_expiry(101.0, 103.0, synthetic) == Forward(102.0, 101.0, 103.0, "future")
    for bid, ask in ((None, 103.0), (101.0, None), (103.0, 101.0), (0.0, 1.0)):
        assert forward_of_expiry(bid, ask, synthetic) is synthetic
    assert forward_of_expiry(None, None, None) is None
