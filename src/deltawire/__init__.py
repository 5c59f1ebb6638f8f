"""deltawire: one verified, resumable WebSocket API in front of any crypto-derivatives venue or recording."""

__version__ = "0.1.0"

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
