"""Methods for protections: market maker protection, cancel-on-disconnect, self-trade prevention."""

from typing import Any, Literal

import msgspec

from deltawire.dialect.market_objects import MS_NS
from deltawire.dialect.order_params import refused
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.records import (
    ResetProtection,
    SetCancelOnDisconnect,
    SetProtection,
    SetSelfTrading,
)
from deltawire.session.methods import Context, NoParams, method
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.session.private.orders import READ
from deltawire.session.private.placing import TRADE

SECOND_NS = 1_000_000_000
LONGEST_S = 86_400 * 30
ACCOUNT_CONNECTION = 0


class _Protection(msgspec.Struct, kw_only=True):
    index_name: str
    interval: int
    frozen_time: int
    mmp_group: str = ""
    quantity_limit: float | None = None
    delta_limit: float | None = None
    vega_limit: float | None = None
    trade_count_limit: int | None = None
    max_quote_quantity: float | None = None
    block_rfq: bool = False


class _Group(msgspec.Struct):
    index_name: str
    mmp_group: str = ""


class _Groups(msgspec.Struct):
    index_name: str = ""
    mmp_group: str | None = None


class _Scope(msgspec.Struct):
    scope: Literal["connection", "account"] = "connection"


class _SelfTrading(msgspec.Struct):
    mode: Literal["reject_taker", "cancel_maker"]
    extended_to_subaccounts: bool = False
    block_rfq_self_match_prevention: bool = False


@method("private/set_mmp_config", right=TRADE)
def set_mmp_config(context: Context, params: _Protection) -> Any:
    """Set market maker protection, or remove it (interval 0)."""
    session = account_session(context)
    if params.block_rfq:
        raise refused(Code.NOT_IMPLEMENTED, reason="there are no block RFQs", param="block_rfq")
    for name, value in (("interval", params.interval), ("frozen_time", params.frozen_time)):
        if not 0 <= value <= LONGEST_S:
            raise refused(Code.INVALID_PARAMS, reason=f"from 0 to {LONGEST_S} seconds", param=name)
    for name in ("quantity_limit", "delta_limit", "vega_limit", "trade_count_limit"):
        limit = getattr(params, name)
        if limit is not None and not 0 < limit < 1e15:
            raise refused(Code.INVALID_PARAMS, reason="must be above 0", param=name)
    _check_index(context, params.index_name)
    session.submit(
        SetProtection(
            at_ns=session.trading.now(),
            account=session.account,
            index_name=params.index_name,
            group=params.mmp_group,
            interval_ns=params.interval * SECOND_NS,
            frozen_ns=params.frozen_time * SECOND_NS,
            quantity_limit=params.quantity_limit,
            delta_limit=params.delta_limit,
            vega_limit=params.vega_limit,
            trade_count_limit=params.trade_count_limit,
        )
    )
    return _configs(session, params.index_name, params.mmp_group)


@method("private/get_mmp_config", right=READ)
def get_mmp_config(context: Context, params: _Groups) -> Any:
    """Return the settings of market maker protection."""
    return _configs(account_session(context), params.index_name, params.mmp_group)


@method("private/get_mmp_status", right=READ)
def get_mmp_status(context: Context, params: _Groups) -> Any:
    """Return the groups that are frozen now; `frozen_until` 0 means until reset."""
    session = account_session(context)
    now = session.trading.now()
    return [
        {
            "index_name": config.index_name,
            "mmp_group": config.group,
            "frozen_until": max(0, frozen_until_ns) // MS_NS,
        }
        for config, frozen_until_ns in session.trading.protections(session.account)
        if (frozen_until_ns < 0 or frozen_until_ns > now)
        and params.index_name in ("", config.index_name)
        and params.mmp_group in (None, config.group)
    ]


@method("private/reset_mmp", right=TRADE)
def reset_mmp(context: Context, params: _Group) -> Any:
    """End a freeze."""
    session = account_session(context)
    session.submit(
        ResetProtection(
            at_ns=session.trading.now(),
            account=session.account,
            index_name=params.index_name,
            group=params.mmp_group,
        )
    )
    return "ok"


@method("private/enable_cancel_on_disconnect", right=TRADE)
def enable_cancel_on_disconnect(context: Context, params: _Scope) -> Any:
    """Cancel orders when their connection is lost."""
    return _set_cancel_on_disconnect(account_session(context), params.scope, enabled=True)


@method("private/disable_cancel_on_disconnect", right=TRADE)
def disable_cancel_on_disconnect(context: Context, params: _Scope) -> Any:
    """Keep orders when their connection is lost."""
    return _set_cancel_on_disconnect(account_session(context), params.scope, enabled=False)


@method("private/get_cancel_on_disconnect", right=READ)
def get_cancel_on_disconnect(context: Context, params: _Scope) -> Any:
    """Return the setting of this connection or of the account."""
    session = account_session(context)
    where = _where(session, params.scope)
    return {"scope": params.scope, "enabled": session.trading.cancels_on_disconnect(session.account, where)}


@method("private/set_self_trading_config", right=TRADE)
def set_self_trading_config(context: Context, params: _SelfTrading) -> Any:
    """Set how trades of the account with itself are prevented."""
    session = account_session(context)
    for name in ("extended_to_subaccounts", "block_rfq_self_match_prevention"):
        if getattr(params, name):
            raise refused(
                Code.NOT_IMPLEMENTED, reason="an account alone is held apart from itself", param=name
            )
    session.submit(SetSelfTrading(at_ns=session.trading.now(), account=session.account, mode=params.mode))
    return "ok"


@method("private/get_self_trading_config", right=READ)
def get_self_trading_config(context: Context, params: NoParams) -> Any:
    """Return how trades of the account with itself are prevented."""
    session = account_session(context)
    return {"mode": session.trading.self_trading(session.account), "extended_to_subaccounts": False}


def _set_cancel_on_disconnect(session: AccountSession, scope: str, *, enabled: bool) -> str:
    where = _where(session, scope)
    session.submit(
        SetCancelOnDisconnect(
            at_ns=session.trading.now(), account=session.account, enabled=enabled, connection=where
        )
    )
    return "ok"


def _where(session: AccountSession, scope: str) -> int:
    """The connection's number, or 0 for the account."""
    if scope == "account":
        return ACCOUNT_CONNECTION
    if session.connection == ACCOUNT_CONNECTION:
        raise refused(Code.CANCEL_ON_DISCONNECT_FAILED, reason="a connection is a WebSocket's")
    return session.connection


def _check_index(context: Context, name: str) -> None:
    if context.market.index(name) is None:
        raise refused(Code.INVALID_PARAMS, reason="no such index", param="index_name")


def _configs(session: AccountSession, index_name: str, group: str | None) -> list[dict[str, Any]]:
    return [
        {
            "index_name": config.index_name,
            "mmp_group": config.group,
            "interval": config.interval_ns // SECOND_NS,
            "frozen_time": config.frozen_ns // SECOND_NS,
            "block_rfq": False,
        }
        | _limits(config)
        for config, _ in session.trading.protections(session.account)
        if index_name in ("", config.index_name) and group in (None, config.group)
    ]


def _limits(config: SetProtection) -> dict[str, float]:
    """Those that are set."""
    named = {
        "quantity_limit": config.quantity_limit,
        "delta_limit": config.delta_limit,
        "vega_limit": config.vega_limit,
        "trade_count_limit": config.trade_count_limit,
    }
    return {name: limit for name, limit in named.items() if limit is not None}
