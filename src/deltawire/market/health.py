"""What has happened to one book since the source began: gaps, resynchronisations, audits."""

from collections import Counter
from typing import get_args

from deltawire.market.images import HealthImage
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

    def freeze(self) -> HealthImage:
        """All counts, for `thaw`."""
        return HealthImage(
            {str(reason): count for reason, count in self.outages.items()},
            self.resyncs,
            self.unbroken_ns,
            self.audits,
            self.audited,
            self.unequal,
            self.last_audit,
        )

    def thaw(self, image: HealthImage) -> None:
        """Take over the result of `freeze`."""
        self.outages = Counter(
            {reason: image.outages[reason] for reason in get_args(StaleReason) if reason in image.outages}
        )
        self.resyncs, self.unbroken_ns = image.resyncs, image.unbroken_ns
        self.audits, self.audited, self.unequal = image.audits, image.audited, image.unequal
        self.last_audit = image.last_audit

    def audited_by(self, audit: Audit) -> None:
        """The book was compared with an image."""
        self.audits += 1
        self.audited += audit.compared
        self.unequal += audit.unequal
        self.last_audit = audit
