"""deltawire: one verified, resumable WebSocket API in front of any crypto-derivatives venue or recording."""

__version__ = "0.1.0"
