"""Live connections to venues: the shell around a venue's state machine and the decisions of `venues.live`."""

from deltawire.sources.live.source import LiveSettings, LiveSource, open_live

__all__ = ["LiveSettings", "LiveSource", "open_live"]
