"""Inspects a journal without changes: its content, and whether an exchange could start from it."""

from collections.abc import Callable

import msgspec

from deltawire.errors import JournalError
from deltawire.journal.files import Files
from deltawire.journal.journal import SEGMENT, SNAPSHOT, Cut, Journal


class Inspection(msgspec.Struct):
    """The report on a journal; `sequence` is the last record's, `damage` says why an exchange cannot start."""

    segments: int
    snapshots: int
    snapshot: int | None
    """The sequence of the snapshot that is used."""
    ignored: list[str]
    """Incomplete snapshots."""
    batches: int = 0
    records: int = 0
    sequence: int = 0
    unreadable: int = 0
    """Records that this version does not know."""
    torn: Cut | None = None
    damage: str = ""

    @property
    def sound(self) -> bool:
        """Whether an exchange may start from it."""
        return not self.damage and not self.unreadable


def inspect(files: Files, name: str, readable: Callable[[bytes], bool]) -> Inspection:
    """Read every batch that a start would read; nothing is cut."""
    journal = Journal(files, name, salt=0)
    names = files.names()
    report = Inspection(
        sum(file.startswith(SEGMENT) for file in names),
        sum(file.startswith(SNAPSHOT) for file in names),
        journal.snapshot.sequence if journal.snapshot else None,
        journal.ignored,
    )
    try:
        for _, payload in journal.records(repair=False):
            report.records += 1
            report.unreadable += not readable(payload)
    except JournalError as error:
        report.damage = str(error)
    report.batches, report.sequence, report.torn = journal.batches, journal.sequence, journal.cut
    return report
