"""Channels about options: volatilities, greeks, surface and gamma of a market whose volatilities are known."""

from collections.abc import Iterator
from math import log

import pytest

from deltawire.analytics.derivations import Derivations, Wanted
from deltawire.analytics.figures import ChainData, GammaData, SkewData, SurfaceData
from deltawire.model.events import Derived, Event, Greeks
from deltawire.model.instruments import Instrument
from deltawire.options.black76 import evaluate
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook, make_option, make_ticker

FORWARD = 40_000.0
EXPIRIES = {"29DEC23": 1_703_836_800_000_000_000, "29MAR24": 1_711_699_200_000_000_000}
STRIKES = range(30_000, 54_000, 2_000)
YEAR_NS = 365 * 86_400 * 10**9


def vol(strike: float) -> float:
    return 0.55 - 0.15 * log(strike / FORWARD) + 0.4 * log(strike / FORWARD) ** 2


def listed() -> Iterator[Instrument]:
    for expiry, time in EXPIRIES.items():
        for strike in STRIKES:
            for kind in ("call", "put"):
                yield make_option(
                    f"BTC-{expiry}-{strike}-{kind[0].upper()}",
                    strike=float(strike),
                    option_type=kind,
                    expiration_ns=time,
                    price_exponent=-6,
                    tick_size="0.000001",
                )


def events(width: float = 0.01, open_interest: float = 10.0) -> Iterator[Event]:
    """A book and a ticker of each option, quoted so many volatilities around the smile."""
    for instrument in listed():
        strike, call = instrument.strike or 0.0, instrument.option_type == "call"
        years = (instrument.expiration_ns - START_NS) / YEAR_NS
        at = [
            evaluate(call, FORWARD, strike, years, vol(strike) + way).value / FORWARD
            for way in (-width, 0, width)
        ]
        book = ScriptedBook(instrument)
        yield from book.image({int(at[0] * 1e6): 10}, {int(at[2] * 1e6) + 1: 10})
        found = evaluate(call, FORWARD, strike, years, vol(strike))
        yield make_ticker(
            instrument,
            mark_price=round(at[1], 6),
            mark_iv=round(100 * vol(strike), 2),
            underlying_price=FORWARD,
            index_price=FORWARD,
            open_interest=open_interest,
            greeks=Greeks(found.delta, found.gamma, found.vega, found.theta),
        )


def figures(family: str, expiry: str = "", **more: float) -> object:
    """What a channel says at the end of the first second."""
    derivations = Derivations()
    derivations.want(Wanted("channel", family, VENUE, "BTC", "BTC", 10**9, expiry=expiry))
    last = make_ticker(next(listed()), START_NS + 1000 * MS_NS)
    found = derivations.extended([*events(**more), last])
    (derived,) = [each for each in found if isinstance(each, Derived)]
    assert derived.venue_ns == START_NS + 1000 * MS_NS
    return derived.data


@pytest.mark.parametrize("expiry", EXPIRIES)
def test_a_chain_has_our_volatilities_beside_the_venues(expiry: str) -> None:
    chain = figures("chain", expiry)
    assert isinstance(chain, ChainData)
    assert chain.expiry == expiry
    assert chain.forward is not None
    assert chain.forward.source == "parity"
    assert chain.forward.price == pytest.approx(FORWARD, rel=1e-4)
    assert len(chain.options) == 2 * len(STRIKES)
    for row in chain.options:
        out_of_the_money = (row.strike >= FORWARD) is (row.option_type == "call")
        assert not row.parted
        if out_of_the_money:
            assert row.iv == pytest.approx(100 * vol(row.strike), abs=0.05)
            assert row.iv_difference == pytest.approx(0.0, abs=0.05)
            assert row.bid_iv is not None
            assert row.ask_iv is not None
            assert row.bid_iv < 100 * vol(row.strike) < row.ask_iv
            assert row.delta_difference == pytest.approx(0.0, abs=1e-3)


def test_a_venues_volatility_that_its_mark_cannot_stand_for_is_told() -> None:
    derivations = Derivations()
    derivations.want(Wanted("channel", "chain", VENUE, "BTC", "BTC", 10**9, expiry="29DEC23"))
    wrong = next(each for each in listed() if each.strike == 42_000.0)
    found = derivations.extended(
        [
            *events(),
            make_ticker(wrong, mark_iv=70.0),
            make_ticker(next(listed()), START_NS + 1000 * MS_NS),
        ]
    )
    (derived,) = [each for each in found if isinstance(each, Derived)]
    assert isinstance(derived.data, ChainData)
    assert [row.instrument_name for row in derived.data.options if row.parted] == [wrong.name]


def test_a_surface_lies_within_the_quotes_without_arbitrage() -> None:
    surface = figures("surface")
    assert isinstance(surface, SurfaceData)
    assert [each.expiry for each in surface.slices] == [*EXPIRIES]
    assert not surface.breaches
    assert not surface.skipped
    for each in surface.slices:
        assert each.quotes_used == len(STRIKES)
        assert each.fit_rms < 0.5
        assert each.at_money_iv == pytest.approx(55.0, abs=0.5)


def test_calls_are_cheaper_than_puts_where_the_smile_falls() -> None:
    found = figures("skew")
    assert isinstance(found, SkewData)
    for each in found.expiries:
        assert each.skew < 0 < each.butterfly
        assert each.skew == pytest.approx(each.call_iv - each.put_iv)
    assert len(found.forward_iv) == len(EXPIRIES) - 1


def test_gamma_is_by_named_convention() -> None:
    found = figures("gex")
    assert isinstance(found, GammaData)
    gross = sum(each.gross for each in found.strikes)
    assert found.net["dealers_long_all"] == pytest.approx(gross)
    assert found.net["dealers_short_all"] == pytest.approx(-gross)
    assert abs(found.net["dealers_long_calls_short_puts"]) < 1e-9 * gross
    assert found.put_call_open_interest == 1.0
    assert found.flow_coverage == 0.0
    assert [each.expiry for each in found.max_pain] == [*EXPIRIES]


def test_an_option_that_is_not_live_has_no_quotes() -> None:
    derivations = Derivations()
    derivations.want(Wanted("channel", "chain", VENUE, "BTC", "BTC", 10**9, expiry="29DEC23"))
    stale = ScriptedBook(next(listed())).stale()
    found = derivations.extended([*events(), stale, make_ticker(next(listed()), START_NS + 1000 * MS_NS)])
    (derived,) = [each for each in found if isinstance(each, Derived)]
    assert isinstance(derived.data, ChainData)
    assert derived.data.not_live == 1
    assert derived.data.options[0].bid is None
    assert derived.data.options[1].bid is not None
