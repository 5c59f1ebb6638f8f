"""deltawire: one verified, resumable WebSocket API in front of any crypto-derivatives venue or recording."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltawire.client import Client, Feed, Gap, Login, Outage, connect
    from deltawire.errors import DeltawireError, FeedError, RecordingError, RequestError, UsageError
    from deltawire.model.events import (
        BookDelta,
        BookImage,
        Event,
        Fault,
        Index,
        Listing,
        Status,
        Ticker,
        Trade,
    )
    from deltawire.model.instruments import Instrument
    from deltawire.session.client import BookMirror, Notification
    from deltawire.sources import replay
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
    "BookDelta": "model.events",
    "BookImage": "model.events",
    "BookMirror": "session.client",
    "Client": "client",
    "DeltawireError": "errors",
    "Event": "model.events",
    "Fault": "model.events",
    "Feed": "client",
    "FeedError": "errors",
    "Gap": "client",
    "Index": "model.events",
    "Instrument": "model.instruments",
    "Listing": "model.events",
    "Login": "client",
    "Notification": "session.client",
    "Outage": "client",
    "RecordingError": "errors",
    "RequestError": "errors",
    "Status": "model.events",
    "Ticker": "model.events",
    "Trade": "model.events",
    "UsageError": "errors",
    "connect": "client",
    "replay": "sources",
}
"""The module that defines each exported name."""

__all__ = [
    "BookDelta",
    "BookImage",
    "BookMirror",
    "Client",
    "DeltawireError",
    "Event",
    "Fault",
    "Feed",
    "FeedError",
    "Gap",
    "Index",
    "Instrument",
    "Listing",
    "Login",
    "Notification",
    "Outage",
    "RecordingError",
    "RequestError",
    "Status",
    "Ticker",
    "Trade",
    "UsageError",
    "connect",
    "replay",
]
