"""The market's past is the same whether it was lived through, replayed or taken from a snapshot."""

import tracemalloc
from typing import Any

import pytest
from msgspec.structs import astuple

from deltawire.analytics.candles import CandleSeries
from deltawire.exchange.market_past import MarketPast
from deltawire.market.market import Market
from deltawire.model.events import Past
from tests.support.contracts import LINEAR, PERPETUAL
from tests.support.exchange_harness import ExchangeHarness

SECOND_NS = 1_000_000_000


class Lived:
    """An exchange, a market that hears its trades, and the past that is kept of it."""

    def __init__(self) -> None:
        self.harness = ExchangeHarness()
        self.past = MarketPast(lambda: self.harness.accounts.pricing)
        self.market = Market("deltawire")
        for account in (1, 2):
            self.harness.deposit(account, 50.0)
            self.harness.deposit(account, 5_000_000.0, "USDC")

    def trades(self, minutes: int) -> None:
        """Each minute a trade of either perpetual, and prices."""
        for minute in range(minutes):
            price = 60_000.0 + 10 * (minute % 7)
            for instrument, amount in ((PERPETUAL, 1000.0), (LINEAR, 0.1)):
                for side in (-1, 1):
                    self.hear(self.harness.order(1 if side < 0 else 2, instrument, side * amount, price))
            self.hear(self.harness.prices(price, later_s=60.0))

    def hear(self, outputs: list[Any]) -> None:
        self.past.apply(outputs)
        for output in outputs:
            if type(output).__name__ == "Trade":
                self.market.apply(output)

    def restored(self) -> Market:
        """A market that knows only what a restart tells it."""
        again = MarketPast(lambda: self.harness.accounts.pricing)
        again.thaw(self.past.freeze())
        market = Market("deltawire")
        for event in again.events():
            market.apply(event)
        return market


@pytest.fixture(scope="module")
def lived() -> Lived:
    found = Lived()
    found.trades(130)
    return found


@pytest.mark.parametrize("name", [PERPETUAL.name, LINEAR.name])
def test_candles_trades_and_the_day_come_back(lived: Lived, name: str) -> None:
    before, after = lived.market.find(name), lived.restored().find(name)
    assert before is not None
    assert after is not None
    now = lived.harness.now
    for minutes in (1, 5, 60):
        assert after.candles.between(0, now, minutes) == before.candles.between(0, now, minutes)
    assert [astuple(entry)[:3] for entry in after.tape] == [astuple(entry)[:3] for entry in before.tape]
    assert after.last_price == before.last_price
    assert after.stats(now) == before.stats(now)


def test_funding_indices_marks_and_volumes_come_back(lived: Lived) -> None:
    now, market = lived.harness.now, lived.restored()
    state = market.find(PERPETUAL.name)
    assert state is not None
    assert [hour.ends_ns for hour, _, _ in state.funding.hours(0, now)]
    assert len(market.index_past["btc_usd"].between(60, 0, now // SECOND_NS)) == 131
    assert market.volatility_past["btc_usd"].between(3600, 0, now // SECOND_NS)
    assert state.marks.between(300, 0, now // SECOND_NS)
    assert market.volumes.since("BTC", now, 24) == lived.market.volumes.since("BTC", now, 24)


def test_a_restart_in_the_middle_of_a_minute_goes_on_with_its_candle() -> None:
    lived = Lived()
    lived.trades(3)
    again = MarketPast(lambda: lived.harness.accounts.pricing)
    again.thaw(lived.past.freeze())
    lived.past = again
    for side in (-1, 1):
        lived.hear(lived.harness.order(1 if side < 0 else 2, PERPETUAL, side * 10.0, 60_500.0))
    lived.harness.now += SECOND_NS
    for side in (-1, 1):
        lived.hear(lived.harness.order(1 if side < 0 else 2, PERPETUAL, side * 10.0, 60_400.0))
    (found,) = [each for each in again.events() if isinstance(each, Past) and each.instrument == PERPETUAL]
    before = lived.market.find(PERPETUAL.name)
    assert before is not None
    candles = CandleSeries()
    candles.restore(found.candles)
    assert candles.between(0, lived.harness.now, 1) == before.candles.between(0, lived.harness.now, 1)


def test_what_is_no_longer_listed_is_forgotten(lived: Lived) -> None:
    lived.harness.accounts.pricing.delist(LINEAR.name)
    assert LINEAR.name not in {each.instrument.name for each in lived.past.events() if isinstance(each, Past)}


def test_the_past_of_instruments_with_one_mark_takes_little_memory() -> None:
    harness = ExchangeHarness()
    outputs = harness.prices(60_000.0)
    pricing = harness.accounts.pricing
    past = MarketPast(lambda: pricing)
    tracemalloc.start()
    try:
        past.apply(outputs)
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert size / len(pricing.marks) < 2560
