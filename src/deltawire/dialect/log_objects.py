"""What happened to an account's money, as the dialect's objects (field names: docs.deribit.com); amounts in coins."""

from typing import Any

from deltawire.dialect.market_objects import MS_NS, contracts
from deltawire.exchange.accounts.account_log import LogEntry, SettlementEntry
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.orders.orders import AccountId, format_id
from deltawire.model.instruments import Instrument

TYPES = {"move": "position_move"}
"""The dialect's words, where they are others than ours."""
PER_ACCOUNT = 1_000_000_000
"""Entries of an account, so that an id names one entry of all accounts."""


def log_object(
    entry: LogEntry, account: AccountId, name: str, other: str, instrument: Instrument | None
) -> dict[str, Any]:
    """An entry of `private/get_transaction_log`; `other` names the account at the other end of a transfer."""
    found: dict[str, Any] = {
        "id": account * PER_ACCOUNT + entry.number,
        "user_seq": entry.number,
        "user_id": account,
        "username": name,
        "timestamp": entry.at_ns // MS_NS,
        "type": TYPES.get(entry.kind, entry.kind),
        "currency": entry.currency,
        "change": entry.change / UNITS,
        "balance": entry.balance / UNITS,
        "cashflow": entry.cashflow / UNITS,
        "commission": entry.commission / UNITS,
        "info": {"other_side": other} if other else {},
        "profit_as_cashflow": False,
    }
    if instrument is not None:
        known = _of_instrument(entry, instrument)
        found |= {name: value for name, value in known.items() if value is not None}
    return found


def side_words(entry: LogEntry) -> str:
    """Whether a trade opened or closed a position, and how; empty for what is no trade."""
    if entry.fill is None:
        return ""
    before = entry.position - entry.lots
    closes = before * entry.lots < 0
    return f"{'close' if closes else 'open'} {entry.fill.side}"


def settlement_object(entry: LogEntry, instrument: Instrument) -> dict[str, Any]:
    """An entry of `private/get_settlement_history_by_*`."""
    return {
        "type": entry.kind,
        "timestamp": entry.at_ns // MS_NS,
        "instrument_name": entry.instrument,
        "position": instrument.size(entry.lots),
        "mark_price": entry.price,
        "index_price": entry.index,
        "profit_loss": entry.cashflow / UNITS,
        "session_profit_loss": entry.cashflow / UNITS,
        "funding": entry.funding / UNITS,
    }


def public_settlement_object(entry: SettlementEntry, instrument: Instrument) -> dict[str, Any]:
    """An entry of `public/get_last_settlements_by_*`: sums over all who held it, losers left out."""
    return {
        "type": entry.kind,
        "timestamp": entry.at_ns // MS_NS,
        "instrument_name": entry.instrument,
        "position": instrument.size(entry.lots),
        "mark_price": entry.mark,
        "index_price": entry.index,
        "session_profit_loss": entry.gain / UNITS,
        "profit_loss": entry.gain / UNITS,
        "funding": entry.funding / UNITS,
    }


def deposit_object(entry: LogEntry) -> dict[str, Any]:
    """An entry of `private/get_deposits`: what the operator gave."""
    return {
        "address": "operator",
        "source_address": "operator",
        "amount": entry.cashflow / UNITS,
        "currency": entry.currency,
        "received_timestamp": entry.at_ns // MS_NS,
        "updated_timestamp": entry.at_ns // MS_NS,
        "state": "completed",
        "clearance_state": "success",
        "transaction_id": str(entry.number),
    }


def withdrawal_object(entry: LogEntry) -> dict[str, Any]:
    """An entry of `private/get_withdrawals`: what the operator took."""
    return {
        "id": entry.number,
        "address": "operator",
        "amount": -entry.cashflow / UNITS,
        "fee": 0.0,
        "priority": 0.0,
        "currency": entry.currency,
        "created_timestamp": entry.at_ns // MS_NS,
        "confirmed_timestamp": entry.at_ns // MS_NS,
        "updated_timestamp": entry.at_ns // MS_NS,
        "state": "completed",
        "transaction_id": None,
    }


def transfer_object(entry: LogEntry, other: str) -> dict[str, Any]:
    """An entry of `private/get_transfers`, result of `submit_transfer_*`."""
    return {
        "id": entry.number,
        "amount": abs(entry.cashflow) / UNITS,
        "currency": entry.currency,
        "direction": "payment" if entry.cashflow < 0 else "income",
        "other_side": other,
        "state": "confirmed",
        "type": "subaccount",
        "created_timestamp": entry.at_ns // MS_NS,
        "updated_timestamp": entry.at_ns // MS_NS,
    } | ({"nonce": entry.nonce} if entry.nonce else {})


def _of_instrument(entry: LogEntry, instrument: Instrument) -> dict[str, Any]:
    """The members of what an instrument brought about."""
    amount = instrument.size(abs(entry.lots))
    found: dict[str, Any] = {
        "instrument_name": instrument.name,
        "amount": amount,
        "contracts": contracts(instrument, amount),
        "position": instrument.size(entry.position),
        "price": entry.price or None,
        "price_currency": instrument.priced_in,
        "index_price": entry.index,
        "interest_pl": entry.funding / UNITS,
    }
    fill = entry.fill
    if fill is None:
        found["mark_price"] = entry.price or None
        return found
    return found | {
        "price": instrument.price(fill.price_ticks),
        "mark_price": None if fill.mark_ticks is None else instrument.price(fill.mark_ticks),
        "index_price": None if fill.index_ticks is None else instrument.price(fill.index_ticks),
        "side": side_words(entry),
        "order_id": format_id(fill.order_id, instrument),
        "trade_id": format_id(fill.trade_id, instrument),
        "user_role": fill.role,
        "fee_role": fill.role,
    }
