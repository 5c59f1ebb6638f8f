"""Records what passes over connections: a bounded queue, a thread that writes, a ledger."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from deltawire.ports import Direction, Noted
from deltawire.recording.disk import Disk, LocalDisk
from deltawire.recording.intake import Happened, Intake, Item, LeftOut, Passed
from deltawire.recording.ledger import NAME as LEDGER
from deltawire.recording.ledger import Ledger, read_ledger
from deltawire.recording.own_lines import format_note, format_passed
from deltawire.recording.recording import OWN_NAME
from deltawire.recording.repairing import Repair, repair, unfinished
from deltawire.recording.stream import RAW, Limits, Loss, Stream, folder_of
from deltawire.recording.unit_files import span

QUEUE_FULL = "the disk was too slow for the queue"
STOPPED = "the recorder stopped without finishing its file"


class Progress(msgspec.Struct, frozen=True):
    """The state of a recorder: frames that passed, that are durable, and that are missing; bytes of both kinds."""

    frames: int
    bytes: int
    durable: int
    stored: int
    missing: int
    connections: int
    error: str
    """Why nothing can be written now; empty if it can."""


class Recorder:
    """A `Tap` that records to a directory, as long as it is open.

    `on_durable` hears, in the recorder's thread, how many frames of a connection are on disk since it was opened.
    """

    def __init__(
        self,
        directory: str | Path | Disk,
        limits: Limits | None = None,
        *,
        wall: Callable[[], int] = time.time_ns,
        on_durable: Callable[[str, int], None] | None = None,
    ) -> None:
        """Finish what an earlier recorder left. `UsageError` if the directory cannot be used."""
        self._disk: Disk = LocalDisk(Path(directory)) if isinstance(directory, (str, Path)) else directory
        self._limits = limits or Limits()
        self._wall = wall
        self._on_durable = on_durable
        self._intake = Intake(self._limits.queue_bytes, self._limits.frame_bytes)
        self._streams: dict[str, Stream] = {}
        self._frames = self._bytes = self._lost = 0
        self._quiet = True
        """Whether all that waits does not fill a unit."""
        self._error = ""
        self.repaired: list[Repair] = []
        """The files of an earlier recorder that had to be finished."""
        self._ledger = Ledger(self._disk)
        self._finish_earlier()
        self._thread = threading.Thread(target=self._run, name="deltawire-recorder", daemon=True)
        self._thread.start()

    def passed(
        self, connection: str, at_ns: int, direction: Direction, data: bytes, *, url: str = ""
    ) -> None:
        """See `Tap`."""
        self._frames += 1
        self._bytes += len(data)
        self._intake.put(Passed(connection, at_ns, direction, data, url))

    def noted(self, connection: str, at_ns: int, what: Noted, **facts: str | int | Sequence[str]) -> None:
        """See `Tap`."""
        self._intake.note(Happened(connection, at_ns, what, facts))

    @property
    def progress(self) -> Progress:
        """The state now."""
        streams = list(self._streams.values())
        return Progress(
            self._frames,
            self._bytes,
            sum(stream.durable for stream in streams),
            sum(stream.stored for stream in streams),
            self._intake.left_out + self._lost + sum(loss.frames for s in streams if (loss := s.lost())),
            len(streams),
            self._error,
        )

    @property
    def crowded(self) -> bool:
        """Whether half of the queue is taken: who can wait should."""
        return self._intake.crowded

    def close(self) -> Progress:
        """Write everything, finish the files, and give the directory back."""
        self._intake.close()
        self._thread.join()
        return self.progress

    def _finish_earlier(self) -> None:
        now = self._wall()
        for name in list(unfinished(self._disk)):
            try:
                done = repair(self._disk, name)
            except OSError:
                continue  # readers step over what is damaged in it
            self.repaired.append(done)
            if not done.lines and self._disk.names(f"{name.rpartition('/')[0]}/*{OWN_NAME}"):
                continue  # the file before it is the last
            facts = {"file": name, "damaged": done.damaged, "from_ns": done.last_ns, "to_ns": now}
            self._ledger.add(now, "gap", done.connection, facts | {"reason": STOPPED})
        for connection, name in self._stopped_between_files():
            with self._disk.path(name).open("rb") as raw:
                times = span(raw)
            facts = {"file": name, "damaged": 0, "from_ns": times[1] if times else 0, "to_ns": now}
            self._ledger.add(now, "gap", connection, facts | {"reason": STOPPED})
        self._flush_ledger()

    def _stopped_between_files(self) -> list[tuple[str, str]]:
        """Connections whose last file is finished, while an earlier recorder did not stop in order; and that file."""
        going, settled, names = dict[str, str](), {repair.file for repair in self.repaired}, dict[str, str]()
        for entry in read_ledger(self._disk.path(LEDGER)):
            folder, file = folder_of(entry.connection), str(entry.facts.get("file", ""))
            names[folder] = entry.connection
            if entry.event == "rotated" and entry.facts.get("goes_on"):
                going[folder] = file
            elif file and entry.event in ("rotated", "gap"):
                settled.add(file)
            elif entry.event == "stopped":
                settled.add(going.get(folder, ""))
        newest = {name.rpartition("/")[0]: name for name in self._disk.names(f"{RAW}/**/*{OWN_NAME}")}
        return [
            (names[folder], name)
            for folder, name in newest.items()
            if folder in names and name not in settled
        ]

    def _run(self) -> None:
        try:
            self._write()
        finally:
            self._error = self._error if self._intake.closed else "the recorder has failed"
            self._intake.close()
            self._disk.release()

    def _write(self) -> None:
        closing = False
        while not closing:
            self._intake.wait(self._limits.sync_s / 2)
            closing = self._intake.closed
            now_s = time.monotonic()
            self._quiet = self._intake.waiting < self._limits.frame_bytes
            for item in self._intake.take():
                self._take(item, now_s)
            due = [stream for stream in self._streams.values() if closing or stream.due(now_s)]
            errors = [self._sync(stream, now_s, closing=closing) for stream in due]
            if errors:
                self._error = next(filter(None, errors), "")
            self._intake.written()
            self._flush_ledger()

    def _stream(self, connection: str) -> Stream:
        stream = self._streams.get(connection)
        if stream is None:
            stream = Stream(self._disk, connection, self._limits)
            self._streams = {**self._streams, connection: stream}
        return stream

    def _take(self, item: Item, now_s: float) -> None:
        stream = self._stream(item.connection)
        if isinstance(item, Passed):
            line = format_passed(item.at_ns, item.direction, item.data, item.url)
            stream.add(line, item.at_ns, now_s, len(item.data))
            if stream.crowded:
                self._error = self._sync(stream, now_s, closing=False)
        elif isinstance(item, LeftOut):
            text = f"{item.frames} frames: {QUEUE_FULL}"
            stream.add(format_note(item.to_ns, "lost", text), item.to_ns, now_s)
            self._note_loss(
                item.connection, Loss(QUEUE_FULL, item.from_ns, item.to_ns, item.frames, item.bytes)
            )
        else:
            self._note(item, stream, now_s)

    def _note(self, item: Happened, stream: Stream, now_s: float) -> None:
        if item.what == "connected":
            line = format_note(item.at_ns, "opened", str(item.facts.get("url", "")))
            stream.add(line, item.at_ns, now_s)
        elif item.what == "closed" and item.facts.get("reason"):
            line = format_note(item.at_ns, "closed", str(item.facts.get("reason", "")))
            stream.add(line, item.at_ns, now_s)
        self._ledger.add(item.at_ns, item.what, item.connection, item.facts)

    def _sync(self, stream: Stream, now_s: float, *, closing: bool) -> str:
        ended, error = stream.sync(now_s, quiet=self._quiet)
        if ended is not None:
            self._lost += ended.frames
            self._note_loss(stream.connection, ended)
        if self._on_durable is not None:
            self._on_durable(stream.connection, stream.durable)
        if closing and (loss := stream.lost()) is not None:
            self._note_loss(stream.connection, loss)
        if closing or stream.is_full(now_s):
            facts = stream.finish()
            if facts:
                more = {} if closing else {"goes_on": True}
                self._ledger.add(self._wall(), "rotated", stream.connection, facts | more)
            elif closing and stream.durable:
                self._ledger.add(self._wall(), "stopped", stream.connection)
        return error

    def _note_loss(self, connection: str, loss: Loss) -> None:
        self._ledger.add(self._wall(), "gap", connection, msgspec.structs.asdict(loss))

    def _flush_ledger(self) -> None:
        try:
            self._ledger.flush()
        except OSError as error:
            self._error = error.strerror or str(error)
