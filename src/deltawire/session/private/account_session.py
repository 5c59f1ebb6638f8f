"""The account behind a request."""

from typing import Any, NamedTuple

from deltawire.dialect.order_params import refused
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Order, OrderId
from deltawire.exchange.ports import Record
from deltawire.model.instruments import Instrument
from deltawire.session.methods import Context, Conversation
from deltawire.session.private.trading import Trading


class AccountSession(NamedTuple):
    """An account, and the connection through which it acts."""

    trading: Trading
    account: AccountId
    name: str
    session: Conversation | None

    @property
    def connection(self) -> int:
        """The connection's number, 0 over HTTP."""
        return 0 if self.session is None else self.session.connection(self.account)

    def submit(self, record: Record) -> list[Any]:
        """Submit a record and return its outputs; raises the dialect's error if it was refused."""
        outputs = self.trading.submit(record)
        if outputs and isinstance(outputs[-1], Rejection):
            raise outputs[-1].error()
        return outputs

    def instrument(self, name: str) -> Instrument:
        """An instrument; raises the dialect's error if it does not exist."""
        instrument = self.trading.instrument(name)
        if instrument is None:
            raise refused(Code.INVALID_OR_UNSUPPORTED_INSTRUMENT, param="instrument_name")
        return instrument

    def order(self, order_id: OrderId) -> Order:
        """An order of the account, open or ended recently; orders of other accounts are not found."""
        order = self.trading.order(self.account, order_id)
        if order is None:
            raise refused(Code.ORDER_NOT_FOUND, param="order_id")
        return order

    def open_order(self, order_id: OrderId) -> Order:
        """An open order of the account; raises the dialect's error if it has ended."""
        order = self.order(order_id)
        if not order.resting:
            raise refused(Code.ALREADY_FILLED if order.state == "filled" else Code.NOT_OPEN_ORDER)
        return order


def account_session(context: Context) -> AccountSession:
    """The account that sent the request; raises the dialect's error if there is no exchange or no such account."""
    if context.trading is None:
        raise refused(Code.NOT_IMPLEMENTED, reason="this server has no exchange")
    login = context.require_identity.account
    if context.trading.maintained():
        raise refused(Code.SYSTEM_MAINTENANCE)
    account = context.trading.account(login)
    if account is None:
        raise refused(Code.FORBIDDEN, reason=f"no account {login!r}: deltawire account add {login}")
    return AccountSession(context.trading, account, context.trading.account_name(account), context.session)


def acting_for(context: Context, subaccount_id: int | None, param: str = "subaccount_id") -> AccountSession:
    """The account that sent the request, or that sub-account of it; another's raises the dialect's error."""
    session = account_session(context)
    if subaccount_id is None or subaccount_id == session.account:
        return session
    if subaccount_id not in session.trading.subaccounts(session.account):
        raise refused(Code.NOT_FOUND, reason="no such sub-account of this account", param=param)
    return session._replace(account=subaccount_id, name=session.trading.account_name(subaccount_id))
