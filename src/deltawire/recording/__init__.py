"""Recordings: what was received (and fetched), and when, in several formats.

* `<stamp> <json>` lines, separated by a blank or a tab (hftbacktest's and most collectors'); stamps of any clock
  and unit.
* Bare JSON, one frame per line or per file: the times are those in the frames.
* `CBCAP1` files: a header line, then `<ns> <length>` lines, each followed by that many bytes (crossbook).
* `wss://… <-> t` / `t: message` logs with seconds (cryptofeed's raw data collection). For `NAME.ws.1.0`, `NAME.0`
  contains the REST bodies fetched before the connection and `NAME.http.*` those fetched during it.

Each plain or as .gz, .zst, .bz2 or .xz. Damage is a record of its own, with line and reason, and reading continues
after it.
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
