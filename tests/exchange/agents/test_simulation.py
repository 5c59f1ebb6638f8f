"""The simulated market: the same seed, the same market; whole books; nobody's money is made or lost."""

import subprocess
import sys
from hashlib import sha256

import msgspec
import pytest

from deltawire.exchange.agents.desk import touch
from deltawire.exchange.agents.simulation import Simulation
from deltawire.exchange.calendar import SECOND_NS
from deltawire.options.chain import StrikeQuotes, breaches
from deltawire.testing.market import START_NS, quiet_market, streams
from deltawire.testing.realism import measure


def digest(seed: int, seconds: int) -> str:
    """A hash over all that a whole market told."""
    found = sha256()
    simulation = Simulation(streams(seed), START_NS)
    for at_ns, outputs in simulation.advance(START_NS + seconds * SECOND_NS):
        found.update(msgspec.json.encode((at_ns, outputs)))
    return found.hexdigest()


@pytest.fixture(scope="module")
def market() -> Simulation:
    simulation = Simulation(streams(1), START_NS)
    for _ in simulation.advance(START_NS + 25 * SECOND_NS):
        pass
    return simulation


def test_the_same_seed_gives_the_same_market_whatever_the_hash_seed() -> None:
    code = "from tests.exchange.agents.test_simulation import digest; print(digest(7, 2))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {digest(7, 2) + "\n"}
    assert digest(8, 2) + "\n" not in found


def test_every_future_has_a_market_of_few_ticks(market: Simulation) -> None:
    futures = [each for each in market.accounts.pricing.instruments.values() if each.kind == "future"]
    assert len(futures) == 20
    for instrument in futures:
        best = touch(market.exchange, instrument)
        assert best.bid is not None, instrument.name
        assert best.ask is not None, instrument.name
        assert 0 < best.ask - best.bid <= 4 * instrument.tick, instrument.name


def test_options_are_quoted_around_their_marks_without_arbitrage(market: Simulation) -> None:
    pricing = market.accounts.pricing
    expiry = pricing.instruments["BTC-29MAR24"].expiration_ns
    chain = [
        found
        for found in pricing.instruments.values()
        if found.kind == "option" and found.inverse and found.base == "BTC" and found.expiration_ns == expiry
    ]
    forward = pricing.options[chain[0].name].underlying
    strikes: dict[float, dict[str, float]] = {}
    quoted = 0
    for option in chain:
        best, mark = touch(market.exchange, option), pricing.marks[option.name]
        for side, ticks in (("bid", best.bid), ("ask", best.ask)):
            if ticks is not None:
                quoted += 1
                price = option.price(ticks)
                strikes.setdefault(option.strike or 0.0, {})[f"{option.option_type}_{side}"] = price * forward
                assert abs(price - mark) < 0.004 + 0.1 * mark
    assert quoted > 1.5 * len(chain)
    assert breaches([StrikeQuotes(strike, **sides) for strike, sides in strikes.items()], forward) == []


def test_money_only_moves(market: Simulation) -> None:
    assert not any(market.accounts.imbalance(currency) for currency in ("BTC", "ETH", "USDC"))
    assert market.accounts.ledger.house("BTC").fees > 0


def test_the_other_coin_moves_with_the_first(market: Simulation) -> None:
    index = market.accounts.pricing.index
    assert index["btc_usd"] == pytest.approx(64_000, rel=0.02)
    assert index["eth_usd"] == pytest.approx(3_100, rel=0.02)


def test_minutes_of_a_perpetual_look_real() -> None:
    facts = {fact.name: fact for fact in measure(quiet_market(1, 120 * SECOND_NS))}
    slow = {
        "1 s return, excess kurtosis",
        "1 s return, autocorrelation",
        "Fano factor, 5 s",
        "sign autocorrelation, lag 20",
        "sign autocorrelation, lag 5",
        "order size, Hill tail (top 2 %)",
        "variance 10 s / 0.1 s",
    }
    """What two minutes are too short to tell."""
    outside = [fact for name, fact in facts.items() if name not in slow and not fact.within]
    assert outside == []
