"""Cancel-on-disconnect: whether the orders of a connection end with it.

Deribit: docs.deribit.com, `private/enable_cancel_on_disconnect`. The setting of an account applies to connections
that it opens later; the setting of a connection applies to that connection.
"""

from deltawire.exchange.matching.matching import Matcher
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.orders.orders import AccountId
from deltawire.exchange.orders.records import Connected, Disconnected, SetCancelOnDisconnect


class Connections:
    """The settings of accounts and of open connections."""

    __slots__ = ("_matcher", "_matching", "accounts", "settings")

    def __init__(self, matching: MatchingState, matcher: Matcher) -> None:
        self._matching, self._matcher = matching, matcher
        self.accounts: set[AccountId] = set()
        self.settings: dict[tuple[AccountId, int], bool] = {}

    def connected(self, record: Connected) -> None:
        """A connection starts with the account's setting."""
        self.settings[record.account, record.connection] = record.account in self.accounts

    def configured(self, record: SetCancelOnDisconnect) -> None:
        """Set or clear the setting."""
        if record.connection:
            self.settings[record.account, record.connection] = record.enabled
        elif record.enabled:
            self.accounts.add(record.account)
        else:
            self.accounts.discard(record.account)

    def disconnected(self, record: Disconnected) -> None:
        """End the connection's orders, if so set; once, because the setting is removed."""
        if not self.settings.pop((record.account, record.connection), False):
            return
        for order in self._matching.live(record.account):
            if order.connection == record.connection and order.leaves_lots:
                self._matcher.cancel(order, "cancel_on_disconnect")
