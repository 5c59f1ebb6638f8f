"""One record at a time brings index, marks, volatilities and greeks up to date."""

from typing import Any

import pytest

from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.pricing.pricing import PriceBand, Prices, Pricing, price_band
from deltawire.options.black76 import price, years_between
from deltawire.options.surface import Surface
from tests.exchange.instruments.test_calendar import at
from tests.support.contracts import CALL, LISTED, NOW, PERPETUAL, QUARTERLY

SURFACE = Surface(near=0.36, far=0.42, reversion=4.0, rho=-0.15, eta=1.0)


def priced(now_ns: int = NOW, index: float = 60_000.0, **fair: float) -> Prices:
    named = {name.replace("_", "-"): value for name, value in fair.items()}
    return Prices(
        at_ns=now_ns, constituents={"btc_usd": (index,) * 3}, fair=named, surfaces={"btc_usd": SURFACE}
    )


def pricing(*names: str) -> Pricing:
    prices = Pricing()
    for name in names or ("BTC-PERPETUAL", "BTC-29MAR24", "BTC-29MAR24-60000-C", "BTC-1MAR24-60000-P"):
        prices.list(LISTED[name])
    return prices


def test_nothing_is_marked_before_there_is_an_index() -> None:
    prices = pricing()
    prices.priced(Prices(at_ns=NOW, fair={"BTC-PERPETUAL": 60_000.0}, surfaces={"btc_usd": SURFACE}))
    assert prices.marks == prices.options == prices.index == {}


def test_a_future_is_marked_at_the_index_plus_its_basis() -> None:
    prices = pricing()
    prices.priced(priced(BTC_29MAR24=61_000.0))
    assert prices.marks["BTC-PERPETUAL"] == 60_000.0
    assert prices.marks["BTC-29MAR24"] == pytest.approx(61_000.0)
    prices.priced(priced(NOW + SECOND_NS, 30_000.0))
    assert prices.marks["BTC-29MAR24"] == pytest.approx(30_500.0)


def test_an_option_is_priced_off_the_future_of_its_expiry() -> None:
    prices = pricing()
    prices.priced(priced(BTC_29MAR24=61_000.0))
    mark = prices.options["BTC-29MAR24-60000-C"]
    years = years_between(NOW, CALL.expiration_ns)
    vol = SURFACE.vol(60_000.0, mark.underlying, years)
    assert (mark.underlying_index, mark.vol) == ("BTC-29MAR24", vol)
    assert mark.underlying == pytest.approx(61_000.0)
    assert prices.marks["BTC-29MAR24-60000-C"] == pytest.approx(
        price(True, mark.underlying, 60_000.0, years, vol) / mark.underlying
    )


def test_an_option_without_a_future_is_priced_off_a_synthetic_one() -> None:
    prices = pricing()
    prices.priced(priced(BTC_29MAR24=61_000.0))
    mark = prices.options["BTC-1MAR24-60000-P"]
    assert mark.underlying_index == "SYN.BTC-1MAR24"
    assert 60_000.0 < mark.underlying < 61_000.0


def test_a_linear_options_mark_is_in_dollars() -> None:
    prices = pricing("BTC_USDC-29MAR24-60000-C")
    prices.priced(Prices(at_ns=NOW, constituents={"btc_usdc": (60_000.0,)}, surfaces={"btc_usdc": SURFACE}))
    mark = prices.options["BTC_USDC-29MAR24-60000-C"]
    assert prices.marks["BTC_USDC-29MAR24-60000-C"] == mark.value.value > 1_000.0


def test_towards_its_expiry_a_future_becomes_the_average() -> None:
    prices = pricing("BTC-29MAR24")
    expiry = QUARTERLY.expiration_ns
    for minute in range(-40, 1):
        prices.priced(priced(expiry + minute * 60 * SECOND_NS, 60_000.0, BTC_29MAR24=60_600.0))
        if minute == -15:
            assert prices.marks["BTC-29MAR24"] == pytest.approx(60_300.0)
    assert prices.marks["BTC-29MAR24"] == pytest.approx(60_000.0)
    assert prices.delivery_price("btc_usd") == pytest.approx(60_000.0)


def test_the_next_settlement_begins_a_new_average() -> None:
    prices = pricing("BTC-PERPETUAL")
    settlement = at("2024-02-21T08:00:00")
    prices.priced(priced(settlement - 1, 50_000.0))
    prices.priced(priced(settlement, 70_000.0))
    assert prices.delivery_price("btc_usd") == pytest.approx((449 * 50_000.0 + 70_000.0) / 450)
    assert prices.estimated_delivery("btc_usd") == 70_000.0
    prices.priced(priced(settlement + 1, 71_000.0))
    assert prices.estimated_delivery("btc_usd") == 71_000.0
    assert prices.delivery_price("nothing") is None


def test_a_perpetual_above_its_index_charges_funding() -> None:
    prices = pricing("BTC-PERPETUAL")
    prices.priced(priced(BTC_PERPETUAL=60_150.0))
    prices.priced(priced(NOW + 3600 * SECOND_NS, BTC_PERPETUAL=60_150.0))
    meter = prices.funding["BTC-PERPETUAL"]
    assert meter.rate == pytest.approx(0.0025 - 0.00025)
    assert meter.due(60_000, 0) == round(0.00225 / 8 * 10**8)


def test_what_is_delisted_is_forgotten() -> None:
    prices = pricing()
    prices.priced(priced())
    prices.delist("BTC-29MAR24-60000-C")
    prices.delist("BTC-PERPETUAL")
    assert "BTC-29MAR24-60000-C" not in prices.marks
    assert "BTC-PERPETUAL" not in prices.funding
    prices.priced(priced(NOW + 1))
    assert set(prices.marks) == {"BTC-29MAR24", "BTC-1MAR24-60000-P"}


@pytest.mark.parametrize(
    ("name", "mark", "expected"),
    [
        ("BTC-PERPETUAL", 60_000.0, (59_100.0, 60_900.0)),
        ("BTC-29MAR24", 60_000.0, (58_200.0, 61_800.0)),
        ("BTC-29MAR24-60000-C", 0.01, (0.0, 0.035)),
        ("BTC-29MAR24-60000-C", 0.1, (0.03, 0.17)),
        ("BTC_USDC-29MAR24-60000-C", 600.0, (0.0, 2_100.0)),
    ],
)
def test_bands_lie_around_the_mark(name: str, mark: float, expected: tuple[float, float]) -> None:
    found: Any = price_band(PriceBand(), LISTED[name], mark, 60_000.0)
    assert found == pytest.approx(expected)


def test_the_instruments_under_test_are_what_they_seem() -> None:
    assert PERPETUAL.perpetual
    assert CALL.expiration_ns == QUARTERLY.expiration_ns
