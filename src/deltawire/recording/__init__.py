"""Recordings as they come: what was received (and fetched) when, from the formats people keep them in.

* `<stamp> <json>` lines, blank or tab between (hftbacktest's and most collectors'); stamps of any clock and unit.
* Bare JSON, a frame a line or a file: the frames' own times are their times.
* `CBCAP1` files: a header line, then `<ns> <length>` lines, each before that many bytes (crossbook).
* `wss://… <-> t` / `t: message` logs with seconds (cryptofeed's raw data collection). Beside `NAME.ws.1.0`,
  `NAME.0` holds the REST bodies fetched before the connection and `NAME.http.*` those fetched during it.

Each plain or as .gz, .zst, .bz2 or .xz. What is damaged is a record of its own, with line and reason, and
everything around it is read.
"""

from deltawire.recording.entry import (
    SECOND_NS,
    RecordingEntry,
    RecordKind,
    format_place,
    format_time,
)
from deltawire.recording.recording import Recording
from deltawire.recording.stamps import Clock

__all__ = ["SECOND_NS", "Clock", "RecordKind", "Recording", "RecordingEntry", "format_place", "format_time"]
