"""deltawire: one verified, resumable WebSocket API in front of any crypto-derivatives venue or recording."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltawire.client import (
        BookView,
        Client,
        Connection,
        Feed,
        Gap,
        Item,
        Listener,
        Login,
        Outage,
        Recovered,
        Subscription,
        connect,
    )
    from deltawire.errors import (
        DeltawireError,
        FeedError,
        OutcomeUnknown,
        RecordingError,
        RequestError,
        SubscriptionRefused,
        UsageError,
    )
    from deltawire.model.events import (
        BestLevels,
        BookDelta,
        BookImage,
        Candle,
        Event,
        Fault,
        Index,
        Level,
        LevelChange,
        Listing,
        Status,
        Ticker,
        Trade,
    )
    from deltawire.model.instruments import Instrument
    from deltawire.roles.opening import open
    from deltawire.roles.recorded import Recording
    from deltawire.session.account_items import AccountChanges, Balance, Order, Position, UserTrade
    from deltawire.session.client import BookMirror, Notification
    from deltawire.sources.tabular import replay
else:

    def __getattr__(name):
        """Import an exported name when it is first used, so that commands do not wait for all imports."""
        if name not in PLACES:
            raise AttributeError(f"module 'deltawire' has no attribute {name!r}")
        return getattr(import_module(f"deltawire.{PLACES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


__version__ = "0.1.0"
PLACES = {
    "AccountChanges": "session.account_items",
    "Balance": "session.account_items",
    "BestLevels": "model.events",
    "BookDelta": "model.events",
    "BookImage": "model.events",
    "BookMirror": "session.client",
    "BookView": "client",
    "Candle": "model.events",
    "Client": "client",
    "Connection": "client",
    "DeltawireError": "errors",
    "Event": "model.events",
    "Fault": "model.events",
    "Feed": "client",
    "FeedError": "errors",
    "Gap": "client",
    "Index": "model.events",
    "Instrument": "model.instruments",
    "Item": "client",
    "Level": "model.events",
    "LevelChange": "model.events",
    "Listener": "client",
    "Listing": "model.events",
    "Login": "client",
    "Notification": "session.client",
    "Order": "session.account_items",
    "Outage": "client",
    "OutcomeUnknown": "errors",
    "Position": "session.account_items",
    "Recording": "roles.recorded",
    "RecordingError": "errors",
    "Recovered": "client",
    "RequestError": "errors",
    "Status": "model.events",
    "Subscription": "client",
    "SubscriptionRefused": "errors",
    "Ticker": "model.events",
    "Trade": "model.events",
    "UsageError": "errors",
    "UserTrade": "session.account_items",
    "VenueStatus": "model.events",
    "connect": "client",
    "open": "roles.opening",
    "replay": "sources.tabular",
}
"""The module that defines each exported name."""

__all__ = [
    "AccountChanges",
    "Balance",
    "BestLevels",
    "BookDelta",
    "BookImage",
    "BookMirror",
    "BookView",
    "Candle",
    "Client",
    "Connection",
    "DeltawireError",
    "Event",
    "Fault",
    "Feed",
    "FeedError",
    "Gap",
    "Index",
    "Instrument",
    "Item",
    "Level",
    "LevelChange",
    "Listener",
    "Listing",
    "Login",
    "Notification",
    "Order",
    "Outage",
    "OutcomeUnknown",
    "Position",
    "Recording",
    "RecordingError",
    "Recovered",
    "RequestError",
    "Status",
    "Subscription",
    "SubscriptionRefused",
    "Ticker",
    "Trade",
    "UsageError",
    "UserTrade",
    "VenueStatus",
    "connect",
    "open",
    "replay",
]
