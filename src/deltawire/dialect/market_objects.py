"""Instrument states as the dialect's objects (field names and units: docs.deribit.com; extensions are additive).

All are plain dicts of JSON values. Prices are in the instrument's quote unit (options: as the venue quotes
them), amounts in the venue's size unit, times in milliseconds, IVs in percent.
"""

from math import isinf
from typing import Any

from deltawire.market.images import TapeEntry
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState, Mark
from deltawire.market.venue_health import state_coverage_bp
from deltawire.model.events import Stats
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import exponent_of

MS_NS = 1_000_000
_PLAIN_TICKER = (
    "min_price",
    "max_price",
    "mark_price",
    "index_price",
    "estimated_delivery_price",
)
_COIN_TYPES = {"BTC": "BITCOIN"} | dict.fromkeys(("ETH", "USDC", "USDT", "STETH", "PAXG"), "ETHER")
"""The network that a coin lives on, in Deribit's words; what is not here is named by itself."""
_COIN_NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "USDC": "USD Coin", "USDT": "Tether"}
_FUNDING = ("current_funding", "funding_8h", "interest_value")
_OPTION = ("mark_iv", "bid_iv", "ask_iv", "underlying_price", "underlying_index", "interest_rate")


def instrument_object(state: InstrumentState) -> dict[str, Any]:
    """An entry of `public/get_instruments`; unknown facts are null if the dialect always has the member.

    Members that the dialect has only sometimes are left out instead.
    """
    instrument = state.instrument
    kind_known = bool(instrument.kind)
    members: dict[str, Any] = {
        "instrument_name": state.name,
        "instrument_id": state.number,
        "kind": instrument.kind or None,
        "state": "open" if instrument.active else "inactive",
        "is_active": instrument.active,
        "base_currency": instrument.base or None,
        "quote_currency": instrument.priced_in or None,
        "counter_currency": instrument.quote or None,
        "contract_size": instrument.contract_size or None,
        "amount_unit": instrument.size_unit if kind_known else None,
        "price_index": instrument.index_name or None,
        "instrument_type": ("reversed" if instrument.inverse else "linear") if kind_known else None,
        "creation_timestamp": instrument.creation_ns // MS_NS or None,
        "expiration_timestamp": instrument.expiration_ms,
        "rfq": False,
        "underlying_type": "crypto",
        "venue": instrument.venue,
    }
    members |= _increments(instrument)
    members |= {
        name: value
        for name, value in (
            ("maker_commission", instrument.maker_commission),
            ("taker_commission", instrument.taker_commission),
            ("max_leverage", _whole(instrument.max_leverage)),
            ("max_liquidation_commission", instrument.max_liquidation_commission),
        )
        if value is not None
    }
    if instrument.kind != "spot":
        members["settlement_currency"] = instrument.settlement or None
        members["settlement_period"] = instrument.settlement_period or None
    if instrument.kind == "future":
        members["future_type"] = members["instrument_type"]
    if instrument.kind == "option":
        members["strike"] = instrument.strike
        members["option_type"] = instrument.option_type
    return members


def _whole(number: float | None) -> float | None:
    """A number that typed clients read as an integer if it is one."""
    return int(number) if number is not None and number == int(number) else number


def _increments(instrument: Instrument) -> dict[str, Any]:
    """The increments of prices and amounts; unknown if the exponents come only from a book."""
    if not instrument.stated:
        return {"tick_size": None, "min_trade_amount": None}
    return {
        "tick_size": _increment(instrument.tick_size, instrument.price_exponent),
        "tick_size_steps": [
            {"above_price": float(above), "tick_size": float(size)}
            for above, size in instrument.tick_size_steps
        ],
        "min_trade_amount": _least_amount(instrument),
    }


def currency_objects(market: Market) -> list[dict[str, Any]]:
    """The result of `public/get_currencies`: every coin that is the base, quote or settlement of an instrument."""
    coins: dict[str, None] = {}
    for state in market:
        for coin in (state.instrument.base, state.instrument.settlement, state.instrument.quote):
            if coin:
                coins[coin] = None
    return [
        {
            "currency": coin,
            "currency_long": _COIN_NAMES.get(coin, coin),
            "coin_type": _COIN_TYPES.get(coin, coin),
            "decimals": 8,
            "min_confirmations": 0,
            "min_withdrawal_fee": 0.0,
            "withdrawal_fee": 0.0,
            "withdrawal_priorities": [],
            "in_cross_collateral_pool": False,
        }
        for coin in coins
    ]


def index_name_object(name: str) -> dict[str, Any]:
    """An index by its name; there are no combos."""
    return {"name": name, "future_combo_creation_enabled": False, "option_combo_creation_enabled": False}


def ticker_object(state: InstrumentState, market: Market, mark: Mark | None = None) -> dict[str, Any]:
    """Data of `ticker.X.*`, result of `public/ticker`; with a mark, as of then instead of now.

    Open interest is 0.0 if the venue states none, because clients expect a number.
    """
    instrument, ticker = state.instrument, state.ticker
    bid, bid_size, ask, ask_size = state.best()
    now, last_ns = (market.time(state), _last_ns(state)) if mark is None else mark[1:]
    stats = state.stats(now)
    members: dict[str, Any] = {
        "timestamp": (last_ns or now) // MS_NS,
        "instrument_name": state.name,
        "state": ticker.get("state", "open") if instrument.active else "closed",
        "best_bid_price": bid,
        "best_bid_amount": bid_size,
        "best_ask_price": ask,
        "best_ask_amount": ask_size,
        "last_price": state.last_price,
        "stats": _stats_object(stats, instrument),
    }
    members |= {name: ticker.get(name) for name in _PLAIN_TICKER}
    if "settlement_price" in ticker:
        members["settlement_price"] = ticker["settlement_price"]
    members["open_interest"] = ticker.get("open_interest", 0.0)
    if instrument.perpetual:
        members |= {name: ticker[name] for name in _FUNDING if name in ticker}
    if instrument.kind == "option":
        members |= {name: ticker.get(name) for name in _OPTION}
        members["greeks"] = ticker.get("greeks")
    if state.status not in (None, "live"):
        members["status"] = status_object(state, now)
    return members


def _stats_object(stats: Stats, instrument: Instrument) -> dict[str, Any]:
    """Without a trade prices are null and volumes zero; what nobody knows is left out, or null where clients look."""
    none = 0.0 if stats.high is None and instrument.measurable else None
    members = {
        "high": stats.high,
        "low": stats.low,
        "price_change": stats.price_change,
        "volume": none if stats.volume is None else stats.volume,
    }
    return members | _volumes(stats)


def _volumes(stats: Stats) -> dict[str, float]:
    named = {"volume_usd": stats.volume_usd, "volume_notional": stats.volume_notional}
    return {name: volume for name, volume in named.items() if volume is not None}


def status_object(state: InstrumentState, now: int) -> dict[str, Any]:
    """Data of `status.X`: the book's state, why, and since how long, at a venue's time."""
    members = {
        "instrument_name": state.name,
        "state": state.status or "syncing",
        "reason": state.reason,
        "since": state.status_ns // MS_NS,
        "age": max(0, now - state.status_ns) // MS_NS,
    }
    return members | {"detail": state.detail} if state.detail else members


def health_object(state: InstrumentState, now: int) -> dict[str, Any]:
    """Data of `book.X.health`: the book's state, its counts, and how far it is known, at a venue's time."""
    health, price = state.health, state.instrument.price
    coverage = state_coverage_bp(state)
    members = {
        "instrument_name": state.name,
        "timestamp": now // MS_NS,
        "state": state.status or "syncing",
        "reason": state.reason,
        "since": state.status_ns // MS_NS,
        "age": max(0, now - state.book_ns) // MS_NS if state.imaged else 0,
        "unbroken_since": health.unbroken_ns // MS_NS or None,
        "gaps": health.outages["gap"],
        "outages": dict(sorted(health.outages.items())),
        "resyncs": health.resyncs,
        "audits": health.audits,
        "audited": health.audited,
        "unequal": health.unequal,
        "complete_to": [None if edge is None else price(edge) for edge in state.complete_to],
        "coverage_bp": None if coverage is None else [_finite(side) for side in coverage],
    }
    audit = health.last_audit
    if audit is not None:
        members["last_audit"] = {
            "timestamp": audit.seen_ns // MS_NS,
            "change_id": audit.venue_sequence,
            "compared": audit.compared,
            "equal_share": audit.equal_share,
            "missing": audit.missing,
            "extra": audit.extra,
            "different": audit.different,
        }
    return members


def _finite(value: float) -> float | None:
    return None if isinf(value) else round(value, 2)


def quote_object(state: InstrumentState) -> dict[str, Any]:
    """Data of `quote.X`: the best prices and amounts, 0.0 without a live book."""
    bid, bid_size, ask, ask_size = state.best()
    members = {
        "timestamp": (state.quote_mark[2] or _last_ns(state)) // MS_NS,
        "instrument_name": state.name,
        "best_bid_price": bid,
        "best_bid_amount": bid_size,
        "best_ask_price": ask,
        "best_ask_amount": ask_size,
    }
    return members if state.status in (None, "live") else members | {"status": state.status}


def perpetual_object(state: InstrumentState) -> dict[str, Any]:
    """Data of `perpetual.X.*`: the funding interest and the index."""
    return {
        "timestamp": state.ticker_ns // MS_NS,
        "interest": state.ticker.get("current_funding"),
        "index_price": state.ticker.get("index_price"),
    }


def mark_price_object(state: InstrumentState) -> dict[str, Any]:
    """An entry of `markprice.options.*`; here the IV is a fraction (0.9 is 90 %), unlike in the ticker."""
    iv = state.ticker.get("mark_iv")
    return {
        "timestamp": state.ticker_ns // MS_NS,
        "instrument_name": state.name,
        "mark_price": state.ticker.get("mark_price"),
        "iv": None if iv is None else round(iv / 100, 10),
    }


def trade_object(entry: TapeEntry, name: str) -> dict[str, Any]:
    """An entry of `trades.*`."""
    trade = entry.trade
    instrument = trade.instrument
    price = instrument.price(trade.price_ticks)
    amount = instrument.size(trade.size_lots)
    members: dict[str, Any] = {
        "trade_seq": entry.number,
        "trade_id": trade.trade_id,
        "timestamp": trade.venue_ns // MS_NS,
        "instrument_name": name,
        "direction": trade.side,
        "price": price,
        "amount": amount,
        "tick_direction": entry.direction,
        "mark_price": trade.mark_price,
        "index_price": trade.index_price,
    }
    count = contracts(instrument, amount)
    if count is not None:
        members["contracts"] = count
    if trade.iv is not None:
        members["iv"] = trade.iv
    if trade.liquidation:
        members["liquidation"] = trade.liquidation
    return members


def contracts(instrument: Instrument, amount: float) -> float | None:
    """An amount in contracts; None if their size is unknown."""
    if instrument.kind and instrument.size_unit == "contracts":
        return amount
    return amount / instrument.contract_size if instrument.contract_size else None


def _quoted(price: float, size: float) -> float | None:
    """A best price; None if there is none. A combo may be quoted at zero."""
    return price if price or size else None


def _middle(bid: float | None, ask: float | None, instrument: Instrument) -> float | None:
    if bid is None or ask is None:
        return None
    return round((bid + ask) / 2, 1 - instrument.price_exponent)


def summary_object(state: InstrumentState, market: Market) -> dict[str, Any]:
    """An entry of `public/get_book_summary_by_*`; unknown prices are null."""
    instrument, ticker = state.instrument, state.ticker
    best = state.best()
    bid, ask = _quoted(*best[:2]), _quoted(*best[2:])
    stats = state.stats(market.time(state))
    members: dict[str, Any] = {
        "instrument_name": state.name,
        "base_currency": instrument.base,
        "quote_currency": instrument.priced_in,
        "creation_timestamp": market.time(state) // MS_NS,
        "bid_price": bid,
        "ask_price": ask,
        "mid_price": _middle(bid, ask, instrument),
        "mark_price": ticker.get("mark_price"),
        "last": state.last_price,
        "high": stats.high,
        "low": stats.low,
        "price_change": stats.price_change,
        "volume": stats.volume or 0.0,
        "open_interest": ticker.get("open_interest", 0.0),
        "estimated_delivery_price": ticker.get("estimated_delivery_price"),
    }
    members |= _volumes(stats)
    if instrument.perpetual:
        members |= {name: ticker[name] for name in ("current_funding", "funding_8h") if name in ticker}
    if instrument.kind == "option":
        members |= {
            name: ticker.get(name)
            for name in ("mark_iv", "underlying_price", "underlying_index", "interest_rate")
        }
    return members


def _increment(text: str, exponent: int) -> float:
    return float(text) if text else 10.0**exponent


def _least_amount(instrument: Instrument) -> float:
    """The dialect's single number for the minimum amount and its increment; clients round every amount to it.

    So it is the venue's minimum only if sizes have no more decimals than the minimum.
    """
    text, exponent = instrument.min_trade_size, instrument.size_exponent
    return _increment(text if text and exponent_of(text) <= exponent else "", exponent)


def _last_ns(state: InstrumentState) -> int:
    return max(state.book_ns, state.ticker_ns, state.tape[-1].trade.venue_ns if state.tape else 0)
