"""A journal in a directory: segments, snapshots, and what to make of them after a crash.

    segment-<first sequence>.log    records from there on
    snapshot-<sequence>.bin         the state after that record

A snapshot begins a new segment; files older than the last snapshot but one are removed.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from deltawire.errors import JournalError
from deltawire.journal.files import Files
from deltawire.journal.frames import (
    HEADER,
    JOURNAL_VERSION,
    format_batch,
    format_segment,
    format_snapshot,
    later_batch,
    newer_version,
    parse_batch,
    parse_segment,
    parse_snapshot,
)

SEGMENT, SNAPSHOT = "segment-", "snapshot-"
_OWN = re.compile(r"segment-[0-9]{20}\.log|snapshot-[0-9]{20}\.bin")
KEPT_SNAPSHOTS = 2


class Cut(msgspec.Struct, frozen=True):
    """A torn tail: bytes of an incomplete batch, which was never acknowledged."""

    file: str
    at: int
    size: int


class Snapshot(msgspec.Struct, frozen=True):
    """The state after the record of this sequence."""

    sequence: int
    state: bytes


def written_later(what: str, version: int, known: int) -> str:
    """Why a file of a later version is refused, and what to do."""
    return (
        f"{what} version {version} was written by a later deltawire, this one reads up to {known}: "
        "run that one, or restore a backup made before the upgrade"
    )


def segment_name(first: int) -> str:
    """The file name of the segment that starts with this sequence."""
    return f"{SEGMENT}{first:020d}.log"


def snapshot_name(sequence: int) -> str:
    """The file name of the snapshot after this sequence."""
    return f"{SNAPSHOT}{sequence:020d}.bin"


class Journal:
    """A journal: read it to the end with `records`, then append."""

    def __init__(self, files: Files, name: str, salt: int) -> None:
        """`name` appears in errors, `salt` is random."""
        self._files, self._name, self._salt = files, name, salt
        self._segment: tuple[str, int] | None = None
        """The file that is written, and its salt."""
        self.sequence = 0
        """The sequence of the last durable record."""
        self.cut: Cut | None = None
        self.batches = 0
        self.ignored: list[str] = []
        """Incomplete snapshots; the previous one is used."""
        self.foreign = [name for name in files.names() if not (_OWN.fullmatch(name) or name.endswith(".new"))]
        """Files that do not belong to the journal; they are ignored."""
        self.failed = False
        self.snapshot = self._latest()

    def _latest(self) -> Snapshot | None:
        """The newest complete snapshot."""
        for name in reversed([name for name in self._files.names() if _is(name, SNAPSHOT)]):
            snapshot = parse_snapshot(self._read(name))
            if snapshot is not None:
                return Snapshot(*snapshot)
            self.ignored.append(name)
        return None

    def _read(self, name: str) -> bytes:
        """A whole file; `JournalError` if a later version has written it, so that it is not taken for damage."""
        content = self._files.read(name)
        if version := newer_version(content):
            raise JournalError(f"{self._name}/{name}", "", written_later("journal", version, JOURNAL_VERSION))
        return content

    def records(self, *, repair: bool = True) -> Iterator[tuple[int, bytes]]:
        """(sequence, payload) of every record after the snapshot; `JournalError` if it is damaged.

        At the end a torn tail is cut (with `repair`) and recorded in `cut`; then records can be appended.
        """
        self.sequence = self.snapshot.sequence if self.snapshot else 0
        names = self._needed(self.sequence)
        for name in names:
            yield from self._segment_records(name, last=name == names[-1], repair=repair)

    def _needed(self, after: int) -> list[str]:
        """The segments with records after this sequence, and the one before them if it may have some."""
        names = [name for name in self._files.names() if _is(name, SEGMENT)]
        firsts = [int(name[len(SEGMENT) : -len(".log")]) for name in names]
        begin = max((n for n, first in enumerate(firsts) if first <= after + 1), default=None)
        if begin is None and names:
            raise self._error(
                names[0], 0, f"begins at {firsts[0]}, but the records from {after + 1} are missing"
            )
        return names[begin or 0 :]

    def _segment_records(self, name: str, *, last: bool, repair: bool) -> Iterator[tuple[int, bytes]]:
        content = self._read(name)
        head = parse_segment(content)
        if head is None:
            if not last or len(content) > HEADER:
                raise self._error(name, 0, "its head is damaged")
            self._tear(name, 0, len(content), repair=repair)
            return
        salt, following = head
        if following > self.sequence + 1:
            raise self._error(
                name, 0, f"begins at {following}, but the last record before it is {self.sequence}"
            )
        offset = HEADER
        while offset < len(content) and (batch := parse_batch(content, offset, salt)) is not None:
            if batch.first != following:
                raise self._error(name, offset, f"record {batch.first} stands where {following} belongs")
            self.batches += 1
            for payload in batch.payloads:
                if following > self.sequence:
                    yield following, payload
                    self.sequence = following
                following += 1
            offset = batch.end
        if offset < len(content):
            self._broken(name, content, offset, salt, last=last, repair=repair)
        if last:
            self._segment = name, salt

    def _broken(self, name: str, content: bytes, offset: int, salt: int, *, last: bool, repair: bool) -> None:
        """Handle bytes that are not a complete batch: a torn tail, or damage."""
        behind = later_batch(content, offset, salt)
        if behind is not None:
            raise self._error(name, offset, f"damaged: a whole batch stands behind it, at {behind}")
        if not last:
            raise self._error(name, offset, "damaged: there are later segments")
        self._tear(name, offset, len(content), repair=repair)

    def _tear(self, name: str, offset: int, size: int, *, repair: bool) -> None:
        self.cut = Cut(name, offset, size - offset)
        if repair and offset:
            self._files.truncate(name, offset)
        elif repair:
            self._files.remove(name)

    def append(self, payloads: Sequence[bytes]) -> int:
        """Make records durable as one batch; returns the last one's sequence.

        After a failure nothing can be appended any more, because the content of the file is unknown.
        """
        if self.failed:
            raise JournalError(self._name, "", "cannot be written any more, because a write has failed")
        name, salt = self._segment or self._begin()
        try:
            self._files.append(name, format_batch(salt, self.sequence + 1, payloads))
        except OSError as error:
            self.failed = True
            raise JournalError(self._name, name, str(error)) from error
        self.sequence += len(payloads)
        return self.sequence

    def _begin(self) -> tuple[str, int]:
        """Start a new segment at the next sequence."""
        first = self.sequence + 1
        self._segment = segment_name(first), self._salt
        try:
            self._files.create(self._segment[0], format_segment(self._salt, first))
        except OSError as error:
            self.failed = True
            raise JournalError(self._name, self._segment[0], str(error)) from error
        return self._segment

    def keep(self, state: bytes) -> None:
        """Store the state after the last durable record, and remove files that are no longer needed."""
        try:
            self._files.create(snapshot_name(self.sequence), format_snapshot(self.sequence, state))
        except OSError as error:
            raise JournalError(self._name, snapshot_name(self.sequence), str(error)) from error
        self._segment = None
        self._prune()

    def _prune(self) -> None:
        names = self._files.names()
        snapshots = [name for name in names if _is(name, SNAPSHOT)]
        for name in snapshots[:-KEPT_SNAPSHOTS]:
            self._files.remove(name)
        if len(snapshots) < KEPT_SNAPSHOTS:
            return
        oldest = int(snapshots[-KEPT_SNAPSHOTS][len(SNAPSHOT) : -len(".bin")])
        needed = self._needed(oldest)
        for name in names:
            if _is(name, SEGMENT) and needed and name < needed[0]:
                self._files.remove(name)

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def _error(self, name: str, offset: int, reason: str) -> JournalError:
        return JournalError(f"{self._name}/{name}", f"byte {offset}", reason)


def _is(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and _OWN.fullmatch(name) is not None
