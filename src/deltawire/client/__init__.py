"""The Python API over a WebSocket."""

from deltawire.client.client import Client, Login, connect
from deltawire.client.feed import Feed, Gap, Outage

__all__ = ["Client", "Feed", "Gap", "Login", "Outage", "connect"]
