"""Chains are valued off one surface, and quotes are checked at prices somebody would trade at."""

import msgspec
import pytest

from deltawire.options.black76 import YEAR_NS, evaluate
from deltawire.options.chain import Contract, StrikeQuotes, breaches, implied_forward, value_chain
from deltawire.options.surface import Surface

SURFACE = Surface(near=0.36, far=0.42, reversion=4.0, rho=-0.15, eta=1.0)
FORWARD, YEARS = 60_000.0, 0.1
STRIKES = [40_000.0 + 2_000.0 * step for step in range(25)]


def quotes(half: float = 25.0) -> list[StrikeQuotes]:
    found = []
    for strike in STRIKES:
        vol = SURFACE.vol(strike, FORWARD, YEARS)
        call, put = (evaluate(side, FORWARD, strike, YEARS, vol).value for side in (True, False))
        found.append(StrikeQuotes(strike, call - half, call + half, put - half, put + half))
    return found


def altered(index: int, **change: float | None) -> list[StrikeQuotes]:
    ladder = quotes()
    ladder[index] = msgspec.structs.replace(ladder[index], **change)
    return ladder


def test_a_chain_is_valued_at_the_surfaces_volatility() -> None:
    contracts = [Contract(call, strike) for strike in STRIKES for call in (True, False)]
    chain = value_chain(contracts, FORWARD, SURFACE, 0, YEAR_NS // 10)
    for contract, (vol, value) in zip(contracts, chain, strict=True):
        assert vol == SURFACE.vol(contract.strike, FORWARD, YEARS)
        assert value == evaluate(contract.call, FORWARD, contract.strike, YEARS, vol)


def test_parity_gives_the_forward_back() -> None:
    assert implied_forward(quotes()) == pytest.approx(FORWARD, rel=1e-12)
    assert implied_forward([StrikeQuotes(100.0, 1.0, 2.0)]) is None
    assert implied_forward([]) is None


def test_quotes_around_the_surface_allow_no_arbitrage() -> None:
    assert breaches(quotes(), FORWARD) == []
    assert breaches(list(reversed(quotes(0.01))), FORWARD + 0.01) == []


def test_missing_quotes_are_no_arbitrage() -> None:
    assert breaches([StrikeQuotes(strike) for strike in STRIKES], FORWARD) == []


@pytest.mark.parametrize(
    ("change", "breach"),
    [
        ({"call_ask": 11_990.0, "call_bid": 11_900.0}, "bounds"),
        ({"put_bid": 48_500.0, "put_ask": 48_600.0}, "bounds"),
        ({"call_bid": 14_000.0, "call_ask": 14_100.0}, "parity"),
        ({"call_bid": 15_900.0, "call_ask": 16_000.0}, "monotone"),
        ({"call_bid": 13_300.0, "call_ask": 13_400.0}, "convex"),
    ],
)
def test_an_altered_quote_is_named_at_its_strike(change: dict[str, float], breach: str) -> None:
    assert (48_000.0, breach) in breaches(altered(4, **change), FORWARD)
