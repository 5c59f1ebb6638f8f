"""Cancel-on-disconnect: which connections take their orders with them.

Deribit: docs.deribit.com, `private/enable_cancel_on_disconnect`. Set for an account, it is what every
connection starts with that the account opens from then on; set for a connection, it counts there.
"""

from deltawire.exchange.matching.matching import Matcher
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.orders.orders import AccountId
from deltawire.exchange.orders.records import Connected, Disconnected, SetCancelOnDisconnect


class Connections:
    """Settings of accounts and of open connections."""

    __slots__ = ("_matcher", "_matching", "accounts", "settings")

    def __init__(self, matching: MatchingState, matcher: Matcher) -> None:
        self._matching, self._matcher = matching, matcher
        self.accounts: set[AccountId] = set()
        self.settings: dict[tuple[AccountId, int], bool] = {}

    def connected(self, record: Connected) -> None:
        """The connection starts with the account's setting."""
        self.settings[record.account, record.connection] = record.account in self.accounts

    def configured(self, record: SetCancelOnDisconnect) -> None:
        """Turn it on or off."""
        if record.connection:
            self.settings[record.account, record.connection] = record.enabled
        elif record.enabled:
            self.accounts.add(record.account)
        else:
            self.accounts.discard(record.account)

    def disconnected(self, record: Disconnected) -> None:
        """The connection's orders end, if so set; once, because the setting goes with it."""
        if not self.settings.pop((record.account, record.connection), False):
            return
        for order in self._matching.live(record.account):
            if order.connection == record.connection and order.leaves_lots:
                self._matcher.cancel(order, "cancel_on_disconnect")
