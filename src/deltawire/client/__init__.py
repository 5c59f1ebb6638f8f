"""The Python API over a WebSocket."""

from deltawire.client.client import Client, connect

__all__ = ["Client", "connect"]
