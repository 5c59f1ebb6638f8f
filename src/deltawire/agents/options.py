"""Option makers quote around the mark prices; takers trade near the money and near expiry."""

from math import ceil, floor

from deltawire.agents.trader import Trader
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.orders.orders import OrderId
from deltawire.exchange.pricing.pricing import OptionMark, Pricing
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import parse_decimal, unit
from deltawire.model.random_stream import Streams

TURNS = 4
"""Turns after each price record: several short ones, so that no client waits for all quotes together."""
TURN_NS = SECOND_NS // (TURNS + 1)
PER_TURN = 10
"""Options per turn."""
NEVER_NS = 1 << 63
_HALF_SPREAD_VOL = 0.6
"""In volatility points, and at least one tick."""
_TAKERS = 0.3
_GAP_DELTA = 0.02


class OptionFlow:
    """One maker on every option and one taker, driven by price records."""

    def __init__(self, maker: Trader, taker: Trader, streams: Streams) -> None:
        self._maker, self._taker = maker, taker
        self._maker_chance, self._taker_chance = streams("option makers"), streams("option takers")
        self._quotes: dict[tuple[str, int], OrderId] = {}
        self._next = 0
        self._turns = 0
        self.due_ns = NEVER_NS

    def begin(self, now_ns: int, pricing: Pricing) -> None:
        """New prices: start the turns again."""
        self._quotes = {key: order for key, order in self._quotes.items() if key[0] in pricing.options}
        self._turns, self.due_ns = TURNS, now_ns + TURN_NS

    def act(self, now_ns: int, pricing: Pricing) -> None:
        """Quote the next options; after the last turn, a taker sometimes trades."""
        self._turns -= 1
        self.due_ns = now_ns + TURN_NS if self._turns else NEVER_NS
        names = list(pricing.options)
        if not names:
            return
        for step in range(min(PER_TURN, len(names))):
            name = names[(self._next + step) % len(names)]
            self._quote(now_ns, pricing.instruments[name], pricing.marks[name], pricing.options[name])
        self._next = (self._next + PER_TURN) % len(names)
        if not self._turns and self._taker_chance.random() < _TAKERS:
            self._take(now_ns, pricing, names)

    def _quote(self, now_ns: int, option: Instrument, mark: float, priced: OptionMark) -> None:
        per_one = unit(option.price_exponent)
        vega = priced.value.vega / (priced.underlying if option.inverse else 1.0)
        half = _HALF_SPREAD_VOL * vega * per_one
        size = self._size(option, abs(priced.value.delta))
        middle = mark * per_one
        bid, ask = _down(option, middle - half), _up(option, middle + half)
        for sign, ticks in ((-1, ask), (1, bid)) if self._rises(option, bid) else ((1, bid), (-1, ask)):
            self._renew(now_ns, option, sign, size, ticks)

    def _rises(self, option: Instrument, bid: int) -> bool:
        """Whether the new bid would match the maker's own old ask, which must be moved first."""
        ask = self._quotes.get((option.name, -1))
        price = None if ask is None else self._maker.price(ask)
        return price is not None and bid >= price

    def _renew(self, now_ns: int, option: Instrument, sign: int, lots: int, ticks: int) -> None:
        key = option.name, sign
        order_id = self._quotes.get(key)
        if ticks <= 0:
            if order_id is not None:
                self._maker.cancel(now_ns, self._quotes.pop(key))
            return
        if order_id is not None and self._maker.price(order_id) == ticks:
            return
        if order_id is not None and self._maker.edit(now_ns, order_id, lots, ticks):
            return
        made = self._maker.place(now_ns, option, sign, lots, ticks)
        if made is None:
            self._quotes.pop(key, None)
        else:
            self._quotes[key] = made

    def _size(self, option: Instrument, delta: float) -> int:
        """Larger if the option moves less with its underlying."""
        least = parse_decimal(option.min_trade_size, option.size_exponent)
        coins = (2.0 + 8.0 * (1.0 - delta)) * (0.5 + self._maker_chance.random())
        if option.base != "BTC":
            coins *= 10.0
        return max(1, int(coins * unit(option.size_exponent) / least)) * least

    def _take(self, now_ns: int, pricing: Pricing, names: list[str]) -> None:
        """Trade one of a few candidates: that with a delta nearest to a quarter, preferring near expiries."""
        chance = self._taker_chance
        candidates = [names[int(chance.random() * len(names))] for _ in range(6)]
        name = min(
            candidates,
            key=lambda each: (
                abs(abs(pricing.options[each].value.delta) - 0.25)
                + _GAP_DELTA * (pricing.instruments[each].expiration_ns - now_ns) / (30 * 86_400e9)
            ),
        )
        option = pricing.instruments[name]
        sign = 1 if chance.random() < 0.5 else -1
        touch = self._taker.touch(option)
        price = touch.ask if sign > 0 else touch.bid
        if price is None:
            return
        least = parse_decimal(option.min_trade_size, option.size_exponent)
        lots = max(1, int(chance.lognormvariate(1.0, 1.2))) * least
        self._taker.place(now_ns, option, sign, lots, price, "immediate_or_cancel")


def _down(option: Instrument, ticks: float) -> int:
    """The highest valid price at or below this one; 0 if there is none."""
    whole = max(0, floor(ticks))
    tick = option.tick_at(whole)
    return whole // tick * tick


def _up(option: Instrument, ticks: float) -> int:
    """The lowest valid price at or above this one."""
    whole = max(1, ceil(ticks))
    tick = option.tick_at(whole)
    return -(-whole // tick) * tick
