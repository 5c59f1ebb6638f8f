"""Methods about an account's sub-accounts: opening and naming them, paying them, moving positions to them."""

from typing import Annotated, Any, Literal

import msgspec

from deltawire.dialect.account_objects import account_summary_object, position_object
from deltawire.dialect.log_objects import transfer_object
from deltawire.dialect.order_objects import order_object
from deltawire.dialect.order_params import needed, refused, to_lots
from deltawire.errors import PrecisionError
from deltawire.exchange.accounts.account_log import LogEntry
from deltawire.exchange.accounts.account_records import (
    CloseSubaccount,
    Move,
    MovePositions,
    OpenSubaccount,
    RenameSubaccount,
    SetSubaccountLogin,
    SubaccountOpened,
    Transfer,
)
from deltawire.exchange.accounts.names import LONGEST, is_name, owner_of
from deltawire.exchange.instruments.contracts import DECIMALS
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import AccountId
from deltawire.model.instruments import in_currency
from deltawire.model.literals import parse_number
from deltawire.session.currencies import parse_currency, parse_one_currency
from deltawire.session.methods import Context, method
from deltawire.session.private.account import ACCOUNT
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.session.private.placing import TRADE

CHANGE = "account:read_write"
PAY = "wallet:read_write"
MOST_ORDERS = 2_000
"""Open orders in one answer about all accounts of an owner."""
_Amount = int | float | str


class _Portfolio(msgspec.Struct):
    with_portfolio: bool = False


class _Details(msgspec.Struct):
    currency: str
    with_open_orders: bool = False


class _New(msgspec.Struct):
    pass


class _Name(msgspec.Struct):
    sid: int
    name: str


class _Login(msgspec.Struct):
    sid: int
    state: Literal["enable", "disable"]


class _Removed(msgspec.Struct):
    subaccount_id: int


class _Transfer(msgspec.Struct, kw_only=True):
    currency: str
    amount: _Amount
    destination: int
    source: int | None = None
    nonce: Annotated[str, msgspec.Meta(min_length=8, max_length=128)] | None = None


class PositionPart(msgspec.Struct):
    """How much of a position is moved, and at which price; the mark price if there is none."""

    instrument_name: str
    amount: _Amount
    price: int | float | None = None


class _Moves(msgspec.Struct):
    source_uid: int
    target_uid: int
    trades: list[PositionPart]
    currency: str | None = None


@method("private/get_subaccounts", right=ACCOUNT)
def get_subaccounts(context: Context, params: _Portfolio) -> Any:
    """The account and its sub-accounts."""
    session = account_session(context)
    return [_object(session, number, portfolio=params.with_portfolio) for number in _family(session)]


@method("private/get_subaccounts_details", right=ACCOUNT)
def get_subaccounts_details(context: Context, params: _Details) -> Any:
    """Positions, and where asked for open orders, of the account and its sub-accounts in a currency."""
    session, currency = account_session(context), parse_currency(context, params.currency)
    orders_of = {number: session.trading.open_orders(number) for number in _family(session)}
    if params.with_open_orders and sum(map(len, orders_of.values())) > MOST_ORDERS:
        raise refused(
            Code.OTHER_REJECT,
            reason=f"more than {MOST_ORDERS} open orders: ask each account with private/get_open_orders",
            param="with_open_orders",
        )
    found = []
    for number in _family(session):
        positions = [
            position_object(position)
            for position in session.trading.positions(number)
            if in_currency(position.instrument, currency, "any")
        ]
        entry: dict[str, Any] = {"uid": number, "positions": positions}
        if params.with_open_orders:
            named = [(order, session.instrument(order.instrument)) for order in orders_of[number]]
            entry["open_orders"] = [
                order_object(order, instrument)
                for order, instrument in named
                if in_currency(instrument, currency, "any")
            ]
        found.append(entry)
    return found


@method("private/create_subaccount", right=CHANGE)
def create_subaccount(context: Context, params: _New) -> Any:
    """Open a sub-account, for which `public/exchange_token` gives tokens."""
    session = account_session(context)
    number = len(session.trading.subaccounts(session.account)) + 1
    while session.trading.named(name := f"{session.name}_{number}") is not None:
        number += 1
    outputs = session.submit(OpenSubaccount(at_ns=session.trading.now(), account=session.account, name=name))
    opened = next(each for each in outputs if isinstance(each, SubaccountOpened))
    return _object(session, opened.number, portfolio=False) | {
        "disabled_trading_products": [],
        "trading_products_details": [],
        "referrals_count": 0,
    }


@method("private/change_subaccount_name", right=CHANGE)
def change_subaccount_name(context: Context, params: _Name) -> Any:
    """Give a sub-account another name."""
    session = account_session(context)
    if not is_name(params.name):
        raise refused(
            Code.INVALID_PARAMS,
            reason=f"1 to {LONGEST} characters that can be seen, no space at either end",
            param="name",
        )
    reserved = owner_of(params.name) not in ("", session.name)
    if session.trading.named(params.name) is not None or (
        reserved and session.trading.account(owner_of(params.name)) is not None
    ):
        raise refused(Code.INVALID_PARAMS, reason="taken", param="name")
    session.submit(
        RenameSubaccount(
            at_ns=session.trading.now(), account=session.account, sub=params.sid, name=params.name
        )
    )
    return "ok"


@method("private/toggle_subaccount_login", right=CHANGE)
def toggle_subaccount_login(context: Context, params: _Login) -> Any:
    """Say whether sessions may act for a sub-account; those that do end with `disable`."""
    session, enabled = account_session(context), params.state == "enable"
    login = session.trading.login(params.sid)
    session.submit(
        SetSubaccountLogin(
            at_ns=session.trading.now(), account=session.account, sub=params.sid, enabled=enabled
        )
    )
    if not enabled:
        context.access.tokens.end_account(login)
    return "ok"


@method("private/remove_subaccount", right=CHANGE)
def remove_subaccount(context: Context, params: _Removed) -> Any:
    """Close a sub-account that has no money, positions and orders; sessions that act for it end."""
    session, sub = account_session(context), params.subaccount_id
    if sub not in session.trading.subaccounts(session.account):
        raise refused(Code.NOT_FOUND, reason="no such sub-account of this account", param="subaccount_id")
    if session.trading.open_orders(sub):
        raise refused(Code.OTHER_REJECT, reason="it has orders: cancel them first", param="subaccount_id")
    login = session.trading.login(sub)
    session.submit(CloseSubaccount(at_ns=session.trading.now(), account=session.account, sub=sub))
    context.access.tokens.end_account(login)
    return "ok"


@method("private/submit_transfer_to_subaccount", "private/submit_transfer_between_subaccounts", right=PAY)
def submit_transfer_between_subaccounts(context: Context, params: _Transfer) -> Any:
    """Pay from the account, or from a sub-account (`source`), to another of the same owner, at once.

    A payment is made once under a `nonce`: another request with it gets the first one's answer.
    """
    session = account_session(context)
    source = session.account if params.source is None else params.source
    if source not in _family(session):
        raise refused(Code.NOT_FOUND, reason="no such account of this owner", param="source")
    currency = parse_one_currency(context, params.currency)
    if params.nonce is not None and (made := _made(session, source, params.nonce)) is not None:
        return transfer_object(made, session.trading.account_name(made.other))
    session.submit(
        Transfer(
            at_ns=session.trading.now(),
            account=source,
            to=params.destination,
            currency=currency,
            units=_units(params.amount),
            nonce=params.nonce or "",
        )
    )
    entry = next(iter(session.trading.log(source)))
    return transfer_object(entry, session.trading.account_name(params.destination))


@method("private/move_positions", right=TRADE)
def move_positions(context: Context, params: _Moves) -> Any:
    """Move parts of positions between accounts of one owner, at their marks unless prices are given, without fees."""
    session = account_session(context)
    family = _family(session)
    for uid, param in ((params.source_uid, "source_uid"), (params.target_uid, "target_uid")):
        if uid not in family:
            raise refused(Code.NOT_FOUND, reason="no such account of this owner", param=param)
    if params.source_uid == params.target_uid:
        raise refused(Code.NOT_FOUND, reason="the same account as source_uid", param="target_uid")
    moves = tuple(_move(session, part) for part in params.trades)
    held = {each.instrument.name: each.lots for each in session.trading.positions(params.source_uid)}
    session.submit(
        MovePositions(
            at_ns=session.trading.now(), account=params.source_uid, to=params.target_uid, moves=moves
        )
    )
    return {
        "trades": [
            {
                "instrument_name": move.instrument,
                "direction": "buy" if held[move.instrument] > 0 else "sell",
                "amount": session.instrument(move.instrument).size(move.lots),
                "price": move.price,
                "source_uid": params.source_uid,
                "target_uid": params.target_uid,
            }
            for move in moves
        ]
    }


def _move(session: AccountSession, part: PositionPart) -> Move:
    instrument = session.instrument(part.instrument_name)
    lots = needed(to_lots({"amount": part.amount}, instrument), "amount")
    mark = session.trading.mark(instrument.name) if part.price is None else float(part.price)
    return Move(instrument.name, lots, mark or 0.0)


def _family(session: AccountSession) -> list[AccountId]:
    """The account and its sub-accounts."""
    return [session.account, *session.trading.subaccounts(session.account)]


def _made(session: AccountSession, source: AccountId, nonce: str) -> LogEntry | None:
    """The payment that was made under a nonce, as far back as the account's log goes."""
    found = session.trading.log(source)
    return next((entry for entry in found if entry.nonce == nonce and entry.cashflow < 0), None)


def _units(amount: _Amount) -> int:
    """An amount in smallest units, exactly."""
    try:
        return parse_number(amount if isinstance(amount, str) else repr(amount), -DECIMALS)
    except PrecisionError:
        raise refused(Code.INVALID_AMOUNT, param="amount") from None


def _object(session: AccountSession, number: AccountId, *, portfolio: bool) -> dict[str, Any]:
    trading, name = session.trading, session.trading.account_name(number)
    summaries = [
        account_summary_object(trading.summary(number, currency)) for currency in trading.currencies()
    ]
    found: dict[str, Any] = {
        "id": number,
        "username": name,
        "system_name": name,
        "type": "main" if number == trading.owner(number) else "subaccount",
        "email": "",
        "is_password": False,
        "login_enabled": trading.login_enabled(number),
        "receive_notifications": False,
        "margin_model": summaries[0]["margin_model"],
        "proof_id": "",
        "proof_id_signature": "",
        "security_keys_enabled": False,
        "security_keys_assignments": [],
    }
    if portfolio:
        found["portfolio"] = {
            each["currency"].lower(): {member: each[member] for member in _PORTFOLIO} for each in summaries
        }
    return found


_PORTFOLIO = (
    "additional_reserve",
    "available_funds",
    "available_withdrawal_funds",
    "balance",
    "currency",
    "equity",
    "initial_margin",
    "maintenance_margin",
    "margin_balance",
    "spot_reserve",
)
