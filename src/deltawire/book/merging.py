"""Several changes as one: what an interval channel publishes, and what it published last."""

from deltawire.book.kernel import Pending

__all__ = ["Pending"]
