"""The simulated market: the same seed, the same market; whole books; nobody's money is made or lost."""

import subprocess
import sys
from collections import Counter
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from deltawire.agents.simulation import Simulation
from deltawire.agents.trader import touch
from deltawire.exchange.accounts.account_records import Delivered
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.history import AGENTS_FROM
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.orders.records import Edit, Place
from deltawire.exchange.ports import Record
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
    code = "from tests.agents.test_simulation import digest; print(digest(7, 2))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {digest(7, 2) + "\n"}
    assert digest(8, 2) + "\n" not in outputs


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


def test_option_makers_quote_in_short_turns_between_prices() -> None:
    records: list[Record] = []
    exchange = Exchange(Accounts())

    def submit(record: Record) -> list[Any]:
        records.append(record)
        return exchange.submit(record)

    accounts = exchange.matching.risk
    assert isinstance(accounts, Accounts)
    simulation = Simulation(streams(1), START_NS, exchange=exchange, accounts=accounts, submit=submit)
    for _ in simulation.advance(START_NS + 2 * SECOND_NS - 1):
        pass
    quotes = [each for each in records if isinstance(each, Place | Edit) and each.account == AGENTS_FROM]
    turns = Counter((each.at_ns - START_NS) / SECOND_NS for each in quotes)
    assert list(turns) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.2, 1.4, 1.6, 1.8])
    assert max(turns.values()) <= 20


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


def test_trading_goes_on_over_a_settlement() -> None:
    """From 07:59:50 on a Friday: what expires is delivered, what is listed next gets its market."""
    friday = START_NS + 3 * 86_400 * SECOND_NS - 4 * 3_600 * SECOND_NS
    simulation = Simulation(streams(2), friday - 10 * SECOND_NS)
    pricing = simulation.accounts.pricing
    delivered = []
    for at_ns, outputs in simulation.advance(friday + 12 * SECOND_NS):
        if at_ns < friday:
            before = set(pricing.instruments)
        delivered += [each for each in outputs if isinstance(each, Delivered)]
    gone, come = before - set(pricing.instruments), set(pricing.instruments) - before
    assert {"BTC-23FEB24", "ETH-23FEB24"} <= gone
    assert "BTC-23FEB24-64000-C" in gone
    assert any(name.startswith("BTC-15MAR24-") for name in come)
    assert {each.instrument for each in delivered} <= gone
    assert delivered
    for name in come:
        if pricing.instruments[name].kind == "future":
            best = touch(simulation.exchange, pricing.instruments[name])
            assert None not in best, name
    assert not any(simulation.accounts.imbalance(each) for each in ("BTC", "ETH", "USDC"))
