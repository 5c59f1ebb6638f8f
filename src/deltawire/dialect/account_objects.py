"""Accounts as JSON objects, in Deribit's names (docs.deribit.com, get_account_summary, get_positions)."""

from typing import Any

from deltawire.exchange.accounts.summaries import CurrencySummary, PositionSummary
from deltawire.exchange.instruments.contracts import DECIMALS


def account_summary_object(summary: CurrencySummary) -> dict[str, Any]:
    """The result of `get_account_summary`, and the data of `user.portfolio`."""
    options, delta = summary.options, sum(summary.deltas.values(), 0.0)
    members: dict[str, Any] = {
        "currency": summary.currency,
        "balance": summary.balance,
        "equity": summary.equity,
        "margin_balance": summary.margin_balance,
        "available_funds": summary.available,
        "available_withdrawal_funds": summary.withdrawable,
        "initial_margin": summary.initial_margin,
        "maintenance_margin": summary.maintenance_margin,
        "projected_initial_margin": summary.projected_initial_margin,
        "projected_maintenance_margin": summary.projected_maintenance_margin,
        "session_upl": round(summary.futures_upl + options.session_upl, DECIMALS),
        "session_rpl": round(summary.futures_rpl + options.session_rpl, DECIMALS),
        "futures_session_upl": summary.futures_upl,
        "futures_session_rpl": summary.futures_rpl,
        "futures_pl": summary.futures_profit,
        "total_pl": round(summary.futures_profit + (options.session_upl + options.session_rpl), DECIMALS),
        "delta_total": delta,
        "delta_total_map": summary.deltas,
        "projected_delta_total": summary.projected_delta,
        "fee_balance": 0.0,
        "spot_reserve": 0.0,
        "additional_reserve": 0.0,
        "locked_balance": 0.0,
        "estimated_liquidation_ratio": summary.liquidation_ratio,
        "estimated_liquidation_ratio_map": summary.liquidation_ratios,
        "margin_model": summary.margin_model,
        "portfolio_margining_enabled": summary.margin_model == "segregated_pm",
        "cross_collateral_enabled": False,
        "options_value": options.value,
        "options_pl": options.profit,
        "options_session_upl": options.session_upl,
        "options_session_rpl": options.session_rpl,
        "options_delta": options.delta,
    }
    for greek, by_index in options.greeks.items():
        members[f"options_{greek}"] = sum(by_index.values(), 0.0)
        members[f"options_{greek}_map"] = by_index
    return members


def position_object(position: PositionSummary) -> dict[str, Any]:
    """An entry of `get_positions`; a flat one has direction `zero`."""
    instrument, lots = position.instrument, position.lots
    members: dict[str, Any] = {
        "instrument_name": instrument.name,
        "kind": instrument.kind,
        "direction": "zero" if not lots else "buy" if lots > 0 else "sell",
        "size": instrument.size(lots),
        "average_price": position.average_price,
        "mark_price": round(position.mark_price, 6 if instrument.kind == "option" else 2),
        "index_price": round(position.index_price, 2),
        "settlement_price": position.settlement_price,
        "initial_margin": position.initial_margin,
        "maintenance_margin": position.maintenance_margin,
        "open_orders_margin": position.orders_margin,
        "floating_profit_loss": position.floating_profit,
        "realized_profit_loss": position.realised_profit,
        "total_profit_loss": position.total_profit,
        "delta": position.delta,
    }
    if instrument.kind == "option":
        return members | position.greeks | _in_dollars(position)
    members["size_currency"] = position.size_in_coin
    members["leverage"] = position.leverage
    members["realized_funding"] = position.realised_funding
    if instrument.perpetual:
        members["interest_value"] = position.interest_value
    if position.liquidation_price is not None:
        members["estimated_liquidation_price"] = position.liquidation_price
    return members


def _in_dollars(option: PositionSummary) -> dict[str, float]:
    return {
        "average_price_usd": option.average_price_usd,
        "floating_profit_loss_usd": option.floating_profit_usd,
    }


def margins_object(buy: float, sell: float, bounds: tuple[float | None, float | None]) -> dict[str, Any]:
    """The result of `get_margins`: what an order would need, and between which prices it may be."""
    return {"buy": buy, "sell": sell, "min_price": bounds[0], "max_price": bounds[1]}
