"""The Python API over a WebSocket."""

from deltawire.client.client import Client, connect
from deltawire.client.feed import Feed, Gap, Outage

__all__ = ["Client", "Feed", "Gap", "Outage", "connect"]
