"""Types of account summaries, in Deribit's names (docs.deribit.com, get_account_summary)."""

import msgspec

Number = float | None
ByIndex = dict[str, float]
"""By the name of the index, such as `btc_usd`; deltas by that of the underlying."""


class RequestRates(msgspec.Struct):
    """How many requests a second are refilled, and how many may come at once."""

    rate: float
    burst: float


class RequestLimits(msgspec.Struct):
    """Of requests that reach matching, and of others."""

    limits_per_currency: bool
    matching_engine: RequestRates
    non_matching_engine: RequestRates


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Money and margin of a currency, in that currency; the data of `user.portfolio`."""

    currency: str
    balance: float
    equity: float
    margin_balance: float
    available_funds: float
    available_withdrawal_funds: float
    initial_margin: float
    maintenance_margin: float
    projected_initial_margin: float
    projected_maintenance_margin: float
    session_upl: float
    session_rpl: float
    futures_session_upl: float
    futures_session_rpl: float
    futures_pl: float
    total_pl: float
    delta_total: float
    delta_total_map: ByIndex
    projected_delta_total: float
    fee_balance: float
    spot_reserve: float
    additional_reserve: float
    locked_balance: float
    estimated_liquidation_ratio: float
    estimated_liquidation_ratio_map: ByIndex
    margin_model: str
    portfolio_margining_enabled: bool
    cross_collateral_enabled: bool
    options_value: float
    options_pl: float
    options_session_upl: float
    options_session_rpl: float
    options_delta: float
    options_gamma: float
    options_gamma_map: ByIndex
    options_vega: float
    options_vega_map: ByIndex
    options_theta: float
    options_theta_map: ByIndex
    limits: RequestLimits | None = None


class AccountSummary(Summary, kw_only=True, omit_defaults=True):
    """A summary; from `id` on with `extended`."""

    id: int | None = None
    username: str = ""
    email: str | None = None
    system_name: str = ""
    type: str = ""
    security_keys_enabled: bool | None = None
    login_enabled: bool | None = None
    receive_notifications: bool | None = None
    interuser_transfers_enabled: bool | None = None
    mmp_enabled: bool | None = None
    self_trading_reject_mode: str = ""
    self_trading_extended_to_subaccounts: str = ""
    creation_timestamp: int | None = None


class AccountSummaries(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An account, and the summary of each currency."""

    id: int
    username: str
    email: str
    system_name: str
    type: str
    security_keys_enabled: bool
    login_enabled: bool
    receive_notifications: bool
    interuser_transfers_enabled: bool
    mmp_enabled: bool
    self_trading_reject_mode: str
    self_trading_extended_to_subaccounts: str
    summaries: list[Summary]
    creation_timestamp: int | None = None
