"""Several changes as one: what an interval channel publishes, and what it published last."""

from deltawire.book.kernel import Pending
from deltawire.book.twin import changes_between

__all__ = ["Pending", "changes_between"]
