"""All methods of the API, by name."""

from deltawire.session import auth, conversation, facts, past, proof, queries, rates, unavailable
from deltawire.session.methods import collect
from deltawire.session.private import account, cancelling, orders, placing, quoting, settings, trades

METHODS = collect(
    auth,
    conversation,
    facts,
    past,
    proof,
    queries,
    rates,
    unavailable,
    account,
    cancelling,
    orders,
    placing,
    quoting,
    settings,
    trades,
)
