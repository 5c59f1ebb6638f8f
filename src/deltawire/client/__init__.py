"""The Python API over a WebSocket."""

from deltawire.client.book_view import BookView
from deltawire.client.client import Client, Login, connect
from deltawire.client.connection import Connection
from deltawire.client.feed import Feed
from deltawire.client.items import Gap, Item, Outage, Recovered
from deltawire.client.listening import Listener
from deltawire.client.subscription import Subscription

__all__ = [
    "BookView",
    "Client",
    "Connection",
    "Feed",
    "Gap",
    "Item",
    "Listener",
    "Login",
    "Outage",
    "Recovered",
    "Subscription",
    "connect",
]
