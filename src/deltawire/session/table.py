"""All methods of the API, by name."""

from deltawire.session import (
    auth,
    conversation,
    facts,
    past,
    queries,
    rates,
    replaying,
    settlements,
    unavailable,
)
from deltawire.session.methods import collect
from deltawire.session.private import (
    account,
    cancelling,
    money,
    orders,
    placing,
    portfolio,
    quoting,
    settings,
    subaccounts,
    trades,
)

METHODS = collect(
    auth,
    conversation,
    facts,
    past,
    queries,
    rates,
    replaying,
    settlements,
    unavailable,
    account,
    cancelling,
    money,
    orders,
    placing,
    portfolio,
    quoting,
    settings,
    subaccounts,
    trades,
)
