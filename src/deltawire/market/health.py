"""What has happened to one book since the source began: gaps, resynchronisations, audits."""

from collections import Counter

from deltawire.model.events import Audit, StaleReason, Status


class BookHealth:
    """Counts of one book, from its events alone."""

    __slots__ = ("audited", "audits", "last_audit", "outages", "resyncs", "unbroken_ns", "unequal")

    def __init__(self) -> None:
        self.outages: Counter[StaleReason] = Counter()
        """How often it has gone stale, by reason."""
        self.resyncs = 0
        """How often it has been live again."""
        self.unbroken_ns = 0
        """Since when it has been live without a break; 0 while it is not."""
        self.audits = 0
        self.audited = self.unequal = 0
        """Levels compared by all audits, and how many of them differed."""
        self.last_audit: Audit | None = None

    def apply_status(self, status: Status) -> None:
        """The state of the book has changed."""
        if status.state == "stale":
            self.outages[status.reason] += 1
            self.unbroken_ns = 0
        elif status.state == "live" and not self.unbroken_ns:
            self.resyncs += bool(self.outages)
            self.unbroken_ns = status.seen_ns

    def audited_by(self, audit: Audit) -> None:
        """The book was compared with an image."""
        self.audits += 1
        self.audited += audit.compared
        self.unequal += audit.unequal
        self.last_audit = audit
