"""A small seeded crowd: prices that wander, makers around the mark, takers that come by chance.

It keeps books alive and nothing more; the seed makes the same choices again at the same times.
"""

import random
from collections.abc import Callable
from math import exp, sqrt
from typing import Any

from deltawire.exchange.account_records import Deposit
from deltawire.exchange.accounts import Accounts
from deltawire.exchange.contracts import UNITS
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.listing import Listings
from deltawire.exchange.orders import Order, Terms
from deltawire.exchange.ports import Record
from deltawire.exchange.pricing import Prices
from deltawire.exchange.records import Cancel, Place
from deltawire.model.events import Side
from deltawire.model.instruments import Instrument
from deltawire.options.surface import Surface

MAKER, TAKER = 1, 2
START = {"BTC": 64_000.0, "ETH": 3_200.0}
VOLATILITY = {"BTC": 0.55, "ETH": 0.7}
YEAR_NS = 365 * 86_400 * 1_000_000_000
SECOND_NS = 1_000_000_000
PRICES_NS = SECOND_NS // 2
LEVELS = 6
FUTURES_PER_STEP, OPTIONS_PER_STEP = 3, 6
RICH = 1_000_000 * UNITS

Submit = Callable[[Record], list[Any]]


class Crowd:
    """One maker, one taker, one index per coin."""

    def __init__(self, exchange: Exchange, accounts: Accounts, submit: Submit, *, seed: int) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._submit = submit
        self._chance = random.Random(seed)
        self._priced_ns = 0
        self._turn = 0

    def step(self, now: int) -> bool:
        """Prices twice a second; in between makers renew some quotes, takers may come."""
        if MAKER not in self._accounts.ledger.accounts:
            self._fund(now)
        priced = now - self._priced_ns >= PRICES_NS
        if priced:
            self._price(now)
        for instrument in self._next_instruments():
            self._make(instrument, now)
        self._take(now)
        return priced

    def _fund(self, now: int) -> None:
        for account in (MAKER, TAKER):
            for currency in sorted(Listings.currencies()):
                units = RICH * (1000 if currency == "USDC" else 1)
                self._submit(Deposit(at_ns=now, account=account, currency=currency, units=units))

    def _price(self, now: int) -> None:
        index = self._accounts.pricing.index
        elapsed = min(now - self._priced_ns, 60 * SECOND_NS) if self._priced_ns else 0
        self._priced_ns = now
        constituents, surfaces = {}, {}
        for coin, start in START.items():
            spot = index.get(f"{coin.lower()}_usd", start)
            spot *= exp(VOLATILITY[coin] * sqrt(elapsed / YEAR_NS) * self._chance.gauss(0.0, 1.0))
            for quote in ("usd", "usdc"):
                name = f"{coin.lower()}_{quote}"
                constituents[name] = tuple(spot * (1 + self._chance.gauss(0.0, 2e-5)) for _ in range(5))
                surfaces[name] = _surface(VOLATILITY[coin])
        fair = self._fair()
        self._submit(Prices(at_ns=now, constituents=constituents, fair=fair, surfaces=surfaces))

    def _fair(self) -> dict[str, float]:
        """Futures stand a little above their index, the more the later they expire; the perpetual at its book."""
        pricing = self._accounts.pricing
        found = {}
        for name, instrument in pricing.instruments.items():
            index = pricing.index.get(instrument.index_name)
            if instrument.kind != "future" or index is None:
                continue
            if instrument.perpetual:
                found[name] = index * (1 + self._chance.gauss(1e-5, 5e-5))
            else:
                found[name] = index * exp(0.06 * (instrument.expiration_ns - pricing.now_ns) / YEAR_NS)
        return found

    def _next_instruments(self) -> list[Instrument]:
        """The perpetuals always, of the others a few in turn."""
        listed = self._accounts.pricing.instruments.values()
        perpetuals = [each for each in listed if each.perpetual]
        futures = [each for each in listed if each.kind == "future" and not each.perpetual]
        options = [each for each in listed if each.kind == "option"]
        self._turn += 1
        return (
            perpetuals
            + _some(futures, self._turn, FUTURES_PER_STEP)
            + _some(options, self._turn, OPTIONS_PER_STEP)
        )

    def _make(self, instrument: Instrument, now: int) -> None:
        """One quote more, and the one that is furthest from the mark goes."""
        mark = self._accounts.pricing.marks.get(instrument.name)
        if not mark:
            return
        mine = self._standing(instrument)
        for side, sign in (("buy", 1), ("sell", -1)):
            orders = [each for each in mine if each.sign == sign]
            missing = max(1, LEVELS - len(orders))
            for level in range(missing):
                self._quote(instrument, side, mark, level, now)
            self._drop(orders, mark, instrument, len(orders) + missing - LEVELS, now)

    def _standing(self, instrument: Instrument) -> list[Order]:
        book = self._exchange.desk.books[instrument.name]
        return [each for side in (book.bids, book.asks) for each in side.orders() if each.account == MAKER]

    def _quote(self, instrument: Instrument, side: Any, mark: float, level: int, now: int) -> None:
        sign = 1 if side == "buy" else -1
        away = self._width(instrument, mark) * (0.5 + level + self._chance.random())
        ticks = self._on_tick(instrument, mark - sign * away)
        if ticks > 0:
            self._place(instrument, side, ticks, now)

    def _place(self, instrument: Instrument, side: Side, ticks: int, now: int) -> None:
        lot = self._exchange.desk.books[instrument.name].lot
        size = lot * max(1, int(self._chance.lognormvariate(3.0, 1.0)))
        terms = Terms(
            instrument=instrument.name, side=side, size_lots=size, price_ticks=ticks, post_only=True
        )
        self._submit(Place(at_ns=now, account=MAKER, terms=terms))

    def _drop(self, orders: list[Order], mark: float, instrument: Instrument, count: int, now: int) -> None:
        if count <= 0:
            return
        far = sorted(orders, key=lambda order: -abs(instrument.price(order.price_ticks) - mark))
        for order in far[:count]:
            self._submit(Cancel(at_ns=now, account=MAKER, order_id=order.id))

    def _take(self, now: int) -> None:
        listed = list(self._accounts.pricing.instruments.values())
        if not listed or self._chance.random() > 0.3:
            return
        perpetuals = [each for each in listed if each.perpetual]
        chosen = self._chance.choice(perpetuals if self._chance.random() < 0.8 else listed)
        position = self._accounts.position(TAKER, chosen.name)
        side: Side = "sell" if self._chance.random() < (0.8 if position > 0 else 0.2) else "buy"
        size = self._exchange.desk.books[chosen.name].lot * max(1, int(self._chance.lognormvariate(2.0, 1.0)))
        terms = Terms(
            instrument=chosen.name,
            side=side,
            size_lots=size,
            type="market",
            time_in_force="immediate_or_cancel",
        )
        self._submit(Place(at_ns=now, account=TAKER, terms=terms))

    def _width(self, instrument: Instrument, mark: float) -> float:
        tick = instrument.price(instrument.tick)
        return max(tick, mark * (0.02 if instrument.kind == "option" else 2e-5))

    def _on_tick(self, instrument: Instrument, price: float) -> int:
        ticks = round(price / instrument.price(1))
        step = instrument.tick_at(ticks)
        return ticks // step * step


def _some(listed: list[Instrument], turn: int, count: int) -> list[Instrument]:
    if not listed:
        return []
    start = turn * count % len(listed)
    return (listed + listed)[start : start + min(count, len(listed))]


def _surface(volatility: float) -> Surface:
    variance = volatility * volatility
    return Surface(variance, variance, 1.0, -0.2, 0.6)
