"""The order flow of one future: a maker around its belief of the price, takers, and noise in the queues.

The maker quotes a one-tick market and moves it when its belief has moved by `reach`; before that, it reduces the side
that will be passed. So queues predict the next move, as on real venues. Takers move the belief.
"""

from heapq import heappop, heappush
from math import exp, log, sqrt

import msgspec

from deltawire.agents.arrivals import Arrivals, Intentions
from deltawire.agents.latent_market import Latent
from deltawire.agents.trader import Trader
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.orders.orders import OrderId
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import parse_decimal, unit
from deltawire.model.random_stream import RandomStream, Streams

LADDER = ((0, 1.0), (1, 0.9), (2, 1.1), (4, 1.6), (8, 2.5), (16, 5.0), (40, 9.0))
"""The maker's levels: ticks behind the best price, and size relative to the best level."""


class Tempo(msgspec.Struct, frozen=True):
    """The activity of a future, per second; sizes in dollars."""

    noise: float = 120.0
    takers: float = 10.0
    reviews: float = 60.0
    """How often the maker checks its quotes."""
    moves: float = 4.5
    """How often the price moves."""
    median_size: float = 300.0
    size_sd: float = 2.15
    queue: float = 28_000.0
    impact: float = 0.012
    """How far a trade of the median size moves the belief, in basis points; grows with the square root of the size."""
    reaction_s: float = 0.003


class FutureFlow:
    """All agents of one future, as a heap of their next times."""

    def __init__(
        self,
        instrument: Instrument,
        latent: Latent,
        desks: tuple[Trader, Trader, Trader],
        *,
        streams: Streams,
        tempo: Tempo,
        carry: float = 0.0,
    ) -> None:
        self.instrument = instrument
        self._latent = latent
        self._maker, self._noise, self._taker = desks
        self._tempo = tempo
        self._carry = carry
        name = instrument.name
        self._noise_chance, self._taker_chance = streams(f"noise/{name}"), streams(f"takers/{name}")
        self._maker_chance: RandomStream = streams(f"maker/{name}")
        self._arrivals = Arrivals(streams(f"arrivals/{name}"), tempo.takers)
        self._intentions = Intentions(streams(f"signs/{name}"))
        self._due: list[tuple[int, int, str]] = []
        self._count = 0
        self._quotes: dict[tuple[int, int], OrderId] = {}
        self._resting: list[OrderId] = []
        self._basis = 0.0
        self._basis_ns = 0
        self._bid: int | None = None
        self._unit = unit(instrument.price_exponent)
        self._lot = parse_decimal(instrument.min_trade_size, instrument.size_exponent)

    def begin(self, now_ns: int) -> None:
        """Schedule the first action of every agent."""
        self._basis_ns = now_ns
        for kind in ("maker", "noise", "taker"):
            self._plan(now_ns, 0.0, kind)

    @property
    def due_ns(self) -> int:
        """The time of the next action."""
        return self._due[0][0]

    def act(self) -> None:
        """Let the agent act that is due."""
        now_ns, _, kind = heappop(self._due)
        self._latent.advance(now_ns)
        if kind == "maker":
            self._review(now_ns)
            self._plan(now_ns, self._maker_chance.expovariate(self._tempo.reviews), kind)
        elif kind == "noise":
            self._stir(now_ns)
            self._plan(now_ns, self._noise_chance.expovariate(self._tempo.noise), kind)
        elif kind == "taker":
            self._take(now_ns)
            self._plan(now_ns, self._arrivals.next(), kind)
        else:
            self._repair(now_ns)

    def _plan(self, now_ns: int, wait_s: float, kind: str) -> None:
        self._count += 1
        heappush(self._due, (now_ns + max(1, int(wait_s * SECOND_NS)), self._count, kind))

    def _belief(self, now_ns: int) -> float:
        """The maker's value of the future: the latent price, its carry, and the impact of trades."""
        seconds = (now_ns - self._basis_ns) / SECOND_NS
        self._basis_ns = now_ns
        self._basis *= exp(-seconds / 120.0)
        return self._latent.price * exp(self._carry + self._basis)

    def _reach(self) -> float:
        """How far the belief may differ from the market before it moves, in dollars."""
        return max(
            self._latent.sigma * self._latent.price / sqrt(self._tempo.moves),
            self.instrument.tick / self._unit,
        )

    def _lean(self, now_ns: int) -> float:
        """The position of the belief between the last move and the next, −1 to 1."""
        if self._bid is None:
            return 0.0
        middle = (self._bid + 0.5 * self.instrument.tick) / self._unit
        return max(-1.0, min(1.0, (self._belief(now_ns) - middle) / self._reach()))

    def _review(self, now_ns: int) -> None:
        lean = self._lean(now_ns)
        if self._bid is None or abs(lean) >= 1.0:
            self._requote(now_ns)
        else:
            self._tilt(now_ns, lean)

    def _repair(self, now_ns: int) -> None:
        """A taker has emptied a best level: the maker moves there or refills it."""
        if abs(self._lean(now_ns)) >= 0.5:
            self._requote(now_ns)
        else:
            self._tilt(now_ns, self._lean(now_ns))

    def _requote(self, now_ns: int) -> None:
        """Move the whole market to the belief; noise orders in between are cancelled."""
        tick = self.instrument.tick
        bid = int((self._belief(now_ns) * self._unit - 0.5 * tick) // tick) * tick
        for order_id in self._resting:
            price = self._noise.price(order_id)
            if price is not None and self._crossed(order_id, price, bid):
                self._noise.cancel(now_ns, order_id)
        self._resting = [order_id for order_id in self._resting if self._noise.leaves(order_id)]
        self._bid = bid
        self._tilt(now_ns, self._lean(now_ns))

    def _crossed(self, order_id: OrderId, price: int, bid: int) -> bool:
        touch = self._noise.touch(self.instrument)
        buys = touch.ask is None or price < touch.ask
        return price > bid if buys else price < bid + self.instrument.tick

    def _tilt(self, now_ns: int, lean: float) -> None:
        """Set every quote to its price and size; first those that make room for the others."""
        tick, bid = self.instrument.tick, self._bid
        assert bid is not None
        rising = (now := self._quotes.get((-1, 0))) is not None and (self._maker.price(now) or 0) <= bid
        for sign in (-1, 1) if rising else (1, -1):
            best = bid if sign > 0 else bid + tick
            for place, (behind, share) in enumerate(LADDER):
                size = share * (1.0 + 0.92 * sign * lean) if place == 0 else share
                self._quote(now_ns, sign, place, best - sign * behind * tick, size)

    def _quote(self, now_ns: int, sign: int, place: int, ticks: int, share: float) -> None:
        lots = self._lots(self._tempo.queue * max(share, 0.03))
        key = sign, place
        order_id = self._quotes.get(key)
        if order_id is not None:
            left = self._maker.leaves(order_id)
            if self._maker.price(order_id) == ticks and 0.85 * lots < left < 1.2 * lots:
                return
            if self._maker.edit(now_ns, order_id, lots, ticks):
                return
        made = self._maker.place(now_ns, self.instrument, sign, lots, ticks)
        if made is None:
            self._quotes.pop(key, None)
        else:
            self._quotes[key] = made

    def _stir(self, now_ns: int) -> None:
        """A small noise order joins or leaves a queue."""
        chance, touch = self._noise_chance, self._noise.touch(self.instrument)
        if touch.bid is None or touch.ask is None:
            return
        if len(self._resting) > 40 + 40 * chance.random():
            place = int(chance.random() * len(self._resting))
            self._resting[place], order_id = self._resting[-1], self._resting[place]
            self._resting.pop()
            self._noise.cancel(now_ns, order_id)
            return
        sign = 1 if chance.random() < 0.5 * (1.0 + 0.6 * self._lean(now_ns)) else -1
        distance = int(chance.paretovariate(1.6)) - 1 if chance.random() < 0.5 else 0
        best = touch.bid if sign > 0 else touch.ask
        ticks = best - sign * distance * self.instrument.tick
        lots = self._lots(chance.lognormvariate(log(self._tempo.median_size), 0.8))
        order_id = self._noise.place(now_ns, self.instrument, sign, lots, ticks) or 0
        if order_id:
            self._resting.append(order_id)

    def _take(self, now_ns: int) -> None:
        """A taker trades with the book, and the belief follows."""
        chance, tempo, tick = self._taker_chance, self._tempo, self.instrument.tick
        touch = self._taker.touch(self.instrument)
        sign = self._intentions.sign(self._lean(now_ns))
        best = touch.ask if sign > 0 else touch.bid
        if best is None:
            return
        dollars = min(chance.lognormvariate(log(tempo.median_size), tempo.size_sd), 25 * tempo.queue)
        self._taker.place(
            now_ns,
            self.instrument,
            sign,
            self._lots(dollars),
            best + sign * 50 * tick,
            "immediate_or_cancel",
        )
        self._basis += sign * 1e-4 * tempo.impact * sqrt(dollars / tempo.median_size)
        after = self._taker.touch(self.instrument)
        if (after.bid, after.ask) != (touch.bid, touch.ask):
            self._plan(now_ns, tempo.reaction_s * (0.5 + chance.random()), "repair")

    def _lots(self, dollars: float) -> int:
        """Dollars as a valid size of the instrument."""
        size = dollars if self.instrument.size_unit == "quote" else dollars / self._latent.price
        return max(1, round(size * unit(self.instrument.size_exponent) / self._lot)) * self._lot
