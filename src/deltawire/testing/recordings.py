"""Generates recordings from a seed: one Deribit connection with a perpetual, a dated future and an option.

Books walk at random and never cross, trades take from the best price, and tickers state what the books and trades
before them say. The same seed gives the same bytes. Times, expiries and names are fixed, and no model prices
anything: the numbers are plausible, not fair.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from deltawire.recording import SECOND_NS, RecordingEntry

MS_NS = 1_000_000
STEP_NS = 40 * MS_NS
LATENCY_NS = 3 * MS_NS
START_NS = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * SECOND_NS
EXPIRY_MS = int(datetime(2026, 12, 25, 8, tzinfo=UTC).timestamp()) * 1000
FOREVER_MS = 32_503_708_800_000
WEBSOCKET = "wss://www.deribit.com/ws/api/v2"
INSTRUMENTS = "https://www.deribit.com/api/v2/public/get_instruments?currency=BTC&expired=false"
INDEX = "btc_usd"
REACH = 60
"""Greatest distance of levels from the mid price, in ticks."""
BASIS = 7.5
"""Premium of the perpetual over the index."""
DOLLARS = 90_000
"""Price of a coin for the volume of options in dollars."""
AWAY = 12
"""Steps between a lost frame and the image of the new subscription."""


class Contract(msgspec.Struct, frozen=True):
    """A contract: the venue's definition, the first mid price in ticks, and how often its book changes."""

    definition: dict[str, Any]
    middle: int
    every: int
    """Steps per change of the book."""

    @property
    def name(self) -> str:
        """The venue's name."""
        name: str = self.definition["instrument_name"]
        return name

    def price(self, ticks: int) -> float:
        """Ticks as a price."""
        return float(Decimal(str(self.definition["tick_size"])) * ticks)

    def amount(self, lots: int) -> float:
        """Lots as an amount."""
        return float(Decimal(str(self.definition["min_trade_amount"])) * lots)


def _definition(name: str, number: int, **members: Any) -> dict[str, Any]:
    return {
        "instrument_name": name,
        "instrument_id": number,
        "base_currency": "BTC",
        "counter_currency": "USD",
        "settlement_currency": "BTC",
        "instrument_type": "reversed",
        "price_index": INDEX,
        "is_active": True,
        "creation_timestamp": START_NS // MS_NS - 90 * 86_400_000,
    } | members


_FUTURE = {
    "kind": "future",
    "quote_currency": "USD",
    "tick_size": 0.5,
    "min_trade_amount": 10.0,
    "contract_size": 10.0,
    "maker_commission": 0.0,
    "taker_commission": 0.0005,
}
PERPETUAL = Contract(
    _definition(
        "BTC-PERPETUAL",
        1,
        **_FUTURE,
        settlement_period="perpetual",
        expiration_timestamp=FOREVER_MS,
    ),
    middle=180_000,
    every=1,
)
FUTURE = Contract(
    _definition("BTC-25DEC26", 2, **_FUTURE, settlement_period="month", expiration_timestamp=EXPIRY_MS),
    middle=184_000,
    every=3,
)
OPTION = Contract(
    _definition(
        "BTC-25DEC26-100000-C",
        3,
        kind="option",
        quote_currency="BTC",
        tick_size=0.0005,
        min_trade_amount=0.1,
        contract_size=1.0,
        maker_commission=0.0003,
        taker_commission=0.0003,
        settlement_period="month",
        expiration_timestamp=EXPIRY_MS,
        strike=100_000.0,
        option_type="call",
    ),
    middle=150,
    every=5,
)
CONTRACTS = (PERPETUAL, FUTURE, OPTION)
TICKER_EVERY = 6
"""Steps per ticker."""


def make_recording(seed: int, *, steps: int = 3000, losses: Collection[int] = ()) -> Iterator[RecordingEntry]:
    """The recording of a Deribit connection; a step is 40 ms.

    The perpetual's book changes at every step. At each step in `losses` its frame is lost, so that the next one shows
    a gap; the image of a new subscription follows after `AWAY` steps.
    """
    random = Random(seed)
    markets = [_Market(contract) for contract in CONTRACTS]
    definitions = [contract.definition for contract in CONTRACTS]
    yield RecordingEntry("opened", START_NS)
    yield RecordingEntry("fetched", START_NS, _encode({"jsonrpc": "2.0", "result": definitions}), INSTRUMENTS)
    for market in markets:
        yield _received(START_NS, market.image(START_NS // MS_NS))
    for step in range(1, steps + 1):
        at_ns = START_NS + step * STEP_NS
        for frame in _frames(markets, step, at_ns // MS_NS, losses, random):
            yield _received(at_ns + LATENCY_NS, frame)


def write_log(records: Iterable[RecordingEntry], path: Path) -> Path:
    """Write entries as a raw-data log (`wss://… <-> t`, `https://… -> t: body`, `t: frame`); returns the path."""
    with path.open("wb") as file:
        for record in records:
            file.write(_log_line(record))
    return path


class _Moment(msgspec.Struct, frozen=True):
    """The time of a message, and the index price at that time."""

    at_ms: int
    index_price: float


def _frames(
    markets: list["_Market"], step: int, at_ms: int, losses: Collection[int], random: Random
) -> Iterator[dict[str, Any]]:
    perpetual, future, _ = markets
    moment = _Moment(at_ms, perpetual.mark - BASIS)
    since = next((step - lost for lost in losses if 0 <= step - lost <= AWAY), None)
    for market in markets:
        if step % market.contract.every:
            continue
        if trades := market.move(moment, random):
            yield _notification(f"trades.{market.contract.name}.raw", trades)
        change = market.change(at_ms, random)
        if market is not perpetual or since in (None, 1):
            yield change
        elif since == AWAY:
            yield market.image(at_ms)
    if step % TICKER_EVERY:
        return
    index = {"timestamp": at_ms, "price": moment.index_price, "index_name": INDEX}
    yield _notification(f"deribit_price_index.{INDEX}", index)
    for market in markets:
        ticker = _ticker(market, moment) | _kind_fields(market.contract, future, random)
        yield _notification(f"ticker.{market.contract.name}.raw", ticker)


class _Market:
    """The book of one contract (lots by ticks) and its trade statistics."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.middle = contract.middle
        self.bids = {contract.middle - 1 - far: 10 + far for far in range(20)}
        self.asks = {contract.middle + 1 + far: 10 + far for far in range(20)}
        self.day = _Day(contract)
        self._published = dict(self.bids), dict(self.asks)
        self._change_id = 1000 * contract.definition["instrument_id"]
        self._trade_seq = 0

    @property
    def mark(self) -> float:
        """The mid as a price."""
        return self.contract.price(self.middle)

    def move(self, moment: _Moment, random: Random) -> list[dict[str, Any]]:
        """Trade or not, walk, and place or cancel a few orders; returns the trades."""
        trades = [self._trade(moment, random)] if random.random() < 0.3 else []
        self.middle = max(REACH + 2, self.middle + random.choice((-1, 0, 0, 1)))
        for side, sign in ((self.bids, -1), (self.asks, 1)):
            for price in [price for price in side if not 0 < (price - self.middle) * sign <= REACH]:
                del side[price]
            for _ in range(2):
                price = self.middle + sign * (1 + min(REACH - 1, int(random.expovariate(1 / 8))))
                side.pop(price, None)
                if lots := random.randrange(40):
                    side[price] = lots
            if not side:
                side[self.middle + sign] = 1
        return trades

    def change(self, at_ms: int, random: Random) -> dict[str, Any]:
        """The notification that leads from the last published book to the present one."""
        before, self._published = self._published, (dict(self.bids), dict(self.asks))
        previous = self._change_id
        self._change_id += random.randrange(1, 9)
        return self._book(
            {
                "type": "change",
                "timestamp": at_ms,
                "prev_change_id": previous,
                "bids": self._actions(before[0], self.bids),
                "asks": self._actions(before[1], self.asks),
            }
        )

    def image(self, at_ms: int) -> dict[str, Any]:
        """The first notification of a new subscription."""
        bids = {price: self.bids[price] for price in sorted(self.bids, reverse=True)}
        asks = {price: self.asks[price] for price in sorted(self.asks)}
        actions = {"bids": self._actions({}, bids), "asks": self._actions({}, asks)}
        return self._book({"type": "snapshot", "timestamp": at_ms} | actions)

    def top(self) -> dict[str, float]:
        """The best prices and amounts under the venue's names."""
        bid, ask = max(self.bids), min(self.asks)
        return {
            "best_bid_price": self.contract.price(bid),
            "best_bid_amount": self.contract.amount(self.bids[bid]),
            "best_ask_price": self.contract.price(ask),
            "best_ask_amount": self.contract.amount(self.asks[ask]),
        }

    def _book(self, data: dict[str, Any]) -> dict[str, Any]:
        data |= {"instrument_name": self.contract.name, "change_id": self._change_id}
        return _notification(f"book.{self.contract.name}.raw", data)

    def _actions(self, before: dict[int, int], after: dict[int, int]) -> list[tuple[str, float, float]]:
        prices = [*after, *(price for price in before if price not in after)]
        return [
            (
                "new" if price not in before else "change" if price in after else "delete",
                self.contract.price(price),
                self.contract.amount(after.get(price, 0)),
            )
            for price in prices
            if before.get(price, 0) != after.get(price, 0)
        ]

    def _trade(self, moment: _Moment, random: Random) -> dict[str, Any]:
        direction = random.choice(("buy", "sell"))
        side, best = (self.asks, min(self.asks)) if direction == "buy" else (self.bids, max(self.bids))
        lots = random.randint(1, side[best])
        side[best] -= lots
        if not side[best]:
            del side[best]
        price, amount = self.contract.price(best), self.contract.amount(lots)
        self.day.count(price, amount)
        self._trade_seq += 1
        return {
            "trade_seq": self._trade_seq,
            "trade_id": f"{self.contract.definition['instrument_id']}{self._trade_seq:06d}",
            "timestamp": moment.at_ms,
            "tick_direction": 1,
            "price": price,
            "amount": amount,
            "direction": direction,
            "mark_price": self.mark,
            "index_price": moment.index_price,
            "instrument_name": self.contract.name,
        }


class _Day:
    """Statistics of the trades of one contract."""

    def __init__(self, contract: Contract) -> None:
        self.last: float | None = None
        self._open = contract.price(contract.middle)
        self._inverse = contract.definition["kind"] == "future"
        self._prices: list[float] = []
        self._volume = 0.0
        self._dollars = 0.0

    def count(self, price: float, amount: float) -> None:
        """Add a trade; amounts are in dollars for futures, in coins for options."""
        self.last = price
        self._prices = [min(self._prices, default=price), max(self._prices, default=price), price]
        self._volume += amount / price if self._inverse else amount
        self._dollars += amount if self._inverse else amount * price * DOLLARS

    def stats(self) -> dict[str, float | None]:
        """The statistics under the venue's names; empty values before the first trade."""
        if self.last is None:
            return dict.fromkeys(("high", "low", "price_change", "volume", "volume_usd"))
        return {
            "high": max(self._prices),
            "low": min(self._prices),
            "price_change": round((self.last / self._open - 1) * 100, 4),
            "volume": round(self._volume, 8),
            "volume_usd": round(self._dollars, 2),
        }


def _ticker(market: _Market, moment: _Moment) -> dict[str, Any]:
    contract = market.contract
    return {
        "timestamp": moment.at_ms,
        "instrument_name": contract.name,
        "state": "open",
        "last_price": market.day.last,
        "mark_price": market.mark,
        "index_price": moment.index_price,
        "estimated_delivery_price": moment.index_price,
        "settlement_price": contract.price(contract.middle),
        "min_price": contract.price(contract.middle // 2),
        "max_price": contract.price(contract.middle * 2),
        "open_interest": contract.amount(50_000),
        "stats": market.day.stats(),
    } | market.top()


def _kind_fields(contract: Contract, future: _Market, random: Random) -> dict[str, Any]:
    """The members that only perpetuals and only options have."""
    if contract is PERPETUAL:
        return {"current_funding": 0.00001, "funding_8h": 0.000012, "interest_value": 0.0003}
    if contract is not OPTION:
        return {}
    iv = round(50 + random.random(), 2)
    return {
        "mark_iv": iv,
        "bid_iv": round(iv - 1, 2),
        "ask_iv": round(iv + 1, 2),
        "interest_rate": 0.0,
        "underlying_price": future.mark,
        "underlying_index": future.contract.name,
        "greeks": {
            "delta": round(0.4 + random.random() / 10, 5),
            "gamma": 0.00002,
            "vega": round(180 + random.random(), 5),
            "theta": round(-30 - random.random(), 5),
            "rho": 110.25,
        },
    }


_encode = msgspec.json.Encoder().encode


def _notification(channel: str, data: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}


def _received(at_ns: int, message: dict[str, Any]) -> RecordingEntry:
    return RecordingEntry("received", at_ns, _encode(message))


def _log_line(record: RecordingEntry) -> bytes:
    stamp = f"{record.at_ns // SECOND_NS}.{record.at_ns % SECOND_NS:09d}"
    if record.kind == "opened":
        return f"{WEBSOCKET} <-> {stamp}\n".encode()
    head = f"{record.url} -> {stamp}" if record.kind == "fetched" else stamp
    return b"%b: %b\n" % (head.encode(), record.payload)
