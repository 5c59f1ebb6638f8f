"""Documented methods that nobody has here: each answers with one error, 13503, whose reason says why.

Source of names and code: docs.deribit.com.
"""

from typing import Any

from deltawire.errors import RequestError
from deltawire.session.methods import Context, Method, NoParams

UNAVAILABLE = 13503
"""Deribit's code of a method that is not available; unlike 13028, trying again does not help."""


class _Refusal:
    """A method that answers with the error alone."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self.__doc__ = f"Not available: {reason}."

    def __call__(self, context: Context, params: NoParams) -> Any:
        """Refuse."""
        raise RequestError(UNAVAILABLE, "unavailable", reason=self._reason)


def _unavailable(reason: str, *names: str) -> Method:
    return Method(names, NoParams, _Refusal(reason), False, "", NoParams)


CUSTODY = _unavailable(
    "money here is the operator's to give, with `deltawire account deposit`: there are no wallets and addresses",
    "private/add_to_address_book",
    "private/cancel_withdrawal",
    "private/create_deposit_address",
    "private/delete_address_beneficiary",
    "private/get_address_beneficiary",
    "private/get_address_book",
    "private/get_current_deposit_address",
    "private/list_address_beneficiaries",
    "private/list_custody_accounts",
    "private/remove_from_address_book",
    "private/save_address_beneficiary",
    "private/set_clearance_originator",
    "private/update_in_address_book",
    "private/withdraw",
)
COMPANY = _unavailable(
    "there is no company behind this server that could do it",
    "private/enable_affiliate_program",
    "private/get_affiliate_program_info",
    "private/get_email_language",
    "private/get_reward_eligibility",
    "private/set_announcement_as_read",
    "private/set_disabled_trading_products",
    "private/set_email_for_subaccount",
    "private/set_email_language",
    "private/toggle_notifications_from_subaccount",
    "public/get_apr_history",
)
KEYS = _unavailable(
    "keys are the operator's to make and change, with `deltawire keys`",
    "private/change_api_key_name",
    "private/change_scope_in_api_key",
    "private/create_api_key",
    "private/disable_api_key",
    "private/edit_api_key",
    "private/enable_api_key",
    "private/remove_api_key",
    "private/reset_api_key",
)
RFQS = _unavailable(
    "there are no block trades and no requests for quotes",
    "private/accept_block_rfq",
    "private/add_block_rfq_quote",
    "private/approve_block_trade",
    "private/cancel_all_block_rfq_quotes",
    "private/cancel_block_rfq",
    "private/cancel_block_rfq_quote",
    "private/cancel_block_rfq_trigger",
    "private/create_block_rfq",
    "private/edit_block_rfq_quote",
    "private/execute_block_trade",
    "private/get_block_rfq_makers",
    "private/get_block_rfq_quotes",
    "private/get_block_rfq_user_info",
    "private/get_block_rfqs",
    "private/get_block_trade",
    "private/get_block_trade_requests",
    "private/get_block_trades",
    "private/get_broker_trade_requests",
    "private/get_broker_trades",
    "private/invalidate_block_trade_signature",
    "private/reject_block_trade",
    "private/simulate_block_trade",
    "private/verify_block_trade",
    "public/get_block_rfq_trades",
)
COMBOS = _unavailable(
    "there are no combos",
    "private/create_combo",
    "private/get_leg_prices",
    "public/get_combo_details",
    "public/get_combo_ids",
    "public/get_combos",
)
TRANSFERS = _unavailable(
    "transfers are made at once, so that there is none to cancel", "private/cancel_transfer_by_id"
)
OTHERS = _unavailable(
    "accounts pay none but those of the same owner, with private/submit_transfer_between_subaccounts",
    "private/submit_transfer_to_user",
)
