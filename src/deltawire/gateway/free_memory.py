"""Memory that the C allocator keeps after a burst is given back to the system."""

import ctypes
from collections.abc import Callable

MAY_KEEP = 8 * 1024 * 1024
"""Free bytes that the allocator may keep for the next burst."""
_FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class Statistics(ctypes.Structure):
    """`struct mallinfo2` of the C library; sizes in bytes."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS.split()]
    hblkhd: int
    """In blocks that have a mapping of their own."""
    uordblks: int
    """Allocated."""
    fordblks: int
    """Free, and kept."""


def statistics() -> Callable[[], Statistics] | None:
    """The function that counts; `None` where the C library is not glibc 2.33 or newer."""
    try:
        return ctypes.PYFUNCTYPE(Statistics)(("mallinfo2", ctypes.PyDLL(None)))
    except (OSError, AttributeError, TypeError):
        return None


def make_give_back() -> Callable[[], None]:
    """A function that gives free memory back if it is more than `MAY_KEEP`; it takes about a millisecond.

    Where the C library does not count, it does nothing.
    """
    count = statistics()
    if count is None:
        return lambda: None
    trim = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_size_t)(("malloc_trim", ctypes.PyDLL(None)))

    def give_back() -> None:
        if count().fordblks > MAY_KEEP:
            trim(0)

    return give_back
