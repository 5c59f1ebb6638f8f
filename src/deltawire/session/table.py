"""All methods of the API, by name."""

from deltawire.session import auth, conversation, queries, rates
from deltawire.session.methods import collect
from deltawire.session.private import account, cancelling, orders, placing, quoting, settings, trades

METHODS = collect(
    auth,
    conversation,
    queries,
    rates,
    account,
    cancelling,
    orders,
    placing,
    quoting,
    settings,
    trades,
)
