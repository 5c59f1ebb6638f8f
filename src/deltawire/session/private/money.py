"""Methods that ask what moved an account's money."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from deltawire.dialect.log_objects import (
    TYPES,
    deposit_object,
    log_object,
    settlement_object,
    side_words,
    transfer_object,
    withdrawal_object,
)
from deltawire.dialect.market_objects import MS_NS
from deltawire.dialect.order_params import refused
from deltawire.exchange.accounts.account_log import Kind, LogEntry
from deltawire.exchange.orders.codes import Code
from deltawire.session.currencies import parse_currency, parse_one_currency
from deltawire.session.methods import Context, method
from deltawire.session.paging import check_count, continued
from deltawire.session.private.account import ACCOUNT
from deltawire.session.private.account_session import AccountSession, account_session, acting_for
from deltawire.session.private.orders import READ
from deltawire.session.settlements import SettlementPage

WALLET = "wallet:read"
LONGEST_QUERY = 200


class _Log(msgspec.Struct, kw_only=True):
    currency: str
    start_timestamp: int
    end_timestamp: int
    query: str = ""
    count: int = 100
    continuation: str | int | None = None
    subaccount_id: int | None = None


class _OfInstrument(SettlementPage, kw_only=True):
    instrument_name: str


class _OfCurrency(SettlementPage, kw_only=True):
    currency: str


class _Payments(msgspec.Struct):
    currency: str
    count: int = 10
    offset: int = 0


@method("private/get_transaction_log", right=ACCOUNT)
def get_transaction_log(context: Context, params: _Log) -> Any:
    """Every change of a currency's balance within a time, newest first.

    `query`: words such as `trade`, `settlement`, `buy`, `maker`; all of them must fit, or those on one side of a `|`.
    """
    session = acting_for(context, params.subaccount_id)
    currency, query = parse_currency(context, params.currency), _parsed(params.query)
    asked = (
        entry
        for entry in session.trading.log(session.account)
        if currency in ("any", entry.currency)
        and params.start_timestamp <= entry.at_ns // MS_NS <= params.end_timestamp
        and _fits(entry, query)
    )
    entries, token = continued(asked, params.continuation, params.count, lambda entry: entry.number)
    return {"logs": [_object(session, entry) for entry in entries], "continuation": token}


@method("private/get_settlement_history_by_instrument", right=READ)
def get_settlement_history_by_instrument(context: Context, params: _OfInstrument) -> Any:
    """The account's settlements and deliveries of an instrument, newest first."""
    session = account_session(context)
    name = session.instrument(params.instrument_name).name
    return _settlements(session, params, (each for each in _log(session) if each.instrument == name))


@method("private/get_settlement_history_by_currency", right=READ)
def get_settlement_history_by_currency(context: Context, params: _OfCurrency) -> Any:
    """The account's settlements and deliveries in a currency, newest first."""
    session, currency = account_session(context), parse_currency(context, params.currency)
    return _settlements(
        session, params, (each for each in _log(session) if currency in ("any", each.currency))
    )


@method("private/get_deposits", right=WALLET)
def get_deposits(context: Context, params: _Payments) -> Any:
    """What the operator has given to the account, newest first."""
    return _payments(context, params, "deposit", lambda session, entry: deposit_object(entry))


@method("private/get_withdrawals", right=WALLET)
def get_withdrawals(context: Context, params: _Payments) -> Any:
    """What the operator has taken from the account, newest first."""
    return _payments(context, params, "withdrawal", lambda session, entry: withdrawal_object(entry))


@method("private/get_transfers", right=WALLET)
def get_transfers(context: Context, params: _Payments) -> Any:
    """What went from and to other accounts of the same owner, newest first."""
    return _payments(
        context,
        params,
        "transfer",
        lambda session, entry: transfer_object(entry, session.trading.account_name(entry.other)),
    )


def _payments(context: Context, params: _Payments, kind: Kind, show: Any) -> dict[str, Any]:
    check_count(params.count, params.offset)
    session, currency = account_session(context), parse_one_currency(context, params.currency)
    found = [each for each in _log(session) if (each.kind, each.currency) == (kind, currency)]
    chosen = islice(found, params.offset, params.offset + params.count)
    return {"count": len(found), "data": [show(session, entry) for entry in chosen]}


def _log(session: AccountSession) -> Iterable[LogEntry]:
    return session.trading.log(session.account)


def _settlements(
    session: AccountSession, params: SettlementPage, found: Iterable[LogEntry]
) -> dict[str, Any]:
    asked = (
        entry
        for entry in found
        if entry.kind in ("settlement", "delivery") and params.has(entry.kind, entry.at_ns)
    )
    entries, token = continued(asked, params.continuation, params.count, lambda entry: entry.number)
    return {
        "settlements": [settlement_object(entry, session.instrument(entry.instrument)) for entry in entries],
        "continuation": "" if token is None else str(token),
    }


def _object(session: AccountSession, entry: LogEntry) -> dict[str, Any]:
    instrument = session.instrument(entry.instrument) if entry.instrument else None
    other = session.trading.account_name(entry.other) if entry.other else ""
    return log_object(entry, session.account, session.name, other, instrument)


def _parsed(query: str) -> list[set[str]]:
    """The alternatives of a query, each a set of words; none if everything fits."""
    if len(query) > LONGEST_QUERY:
        raise refused(Code.INVALID_PARAMS, reason=f"at most {LONGEST_QUERY} characters", param="query")
    return [set(part.lower().split()) for part in query.split("|")] if query.strip() else []


def _fits(entry: LogEntry, query: list[set[str]]) -> bool:
    """Whether all words of an alternative are those of an entry."""
    role = "" if entry.fill is None else entry.fill.role
    words = {entry.kind, TYPES.get(entry.kind, ""), role, *side_words(entry).split()}
    return not query or any(part <= words for part in query)
