"""What all options of an expiry expect together."""

import pytest

from deltawire.options.surface import Surface
from deltawire.options.variance import expected_volatility


@pytest.mark.parametrize("vol", [0.2, 0.6, 1.5])
@pytest.mark.parametrize("years", [1 / 365, 30 / 365, 1.0])
def test_where_every_option_has_one_volatility_it_is_that_one(vol: float, years: float) -> None:
    flat = Surface(near=vol * vol, far=vol * vol, reversion=1.0, rho=0.0, eta=1e-6)
    assert expected_volatility(flat, years) == pytest.approx(vol, rel=1e-3)


def test_a_smile_expects_more_than_the_money() -> None:
    smile = Surface(near=0.36, far=0.36, reversion=4.0, rho=-0.1, eta=1.0)
    assert 0.6 < expected_volatility(smile, 30 / 365) < 0.75


def test_an_expiry_that_is_over_expects_nothing() -> None:
    assert expected_volatility(Surface(near=0.36, far=0.36, reversion=4.0, rho=0.0, eta=1.0), 0.0) == 0.0
