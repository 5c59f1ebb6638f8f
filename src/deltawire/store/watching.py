"""Files that are read again while a server runs."""

from collections.abc import Callable
from typing import Generic, TypeVar

from deltawire.errors import UsageError

T = TypeVar("T")


class WatchedFile(Generic[T]):
    """A file that is read when it has changed; if that fails, the last good value stays.

    It is then read again when the file changes, else after one poll, two, four and so on: the cause may lie outside
    the file, for example if no descriptor is left.
    """

    def __init__(
        self,
        read: Callable[[], T],
        stamp: Callable[[], tuple[int, int, int]],
        longest_pause: int,
        *,
        failed: Callable[[str], None],
        recovered: Callable[[], None],
    ) -> None:
        """`stamp` changes when the file does.

        `failed` is called once per reason, `recovered` when reading works again.

        At most `longest_pause` polls pass between two attempts to read a file that cannot be read.
        """
        self._read = read
        self._stamp = stamp
        self._longest_pause = longest_pause
        self._failed = failed
        self._recovered = recovered
        self._seen: tuple[int, int, int] | None = None
        self._reason = ""
        self._pause = self._left = 0

    def first(self) -> T:
        """Read the file at the start; raises what reading raises."""
        self._seen = self._stamp()  # before reading, so that a change during the read is detected
        return self._read()

    def poll(self) -> T | None:
        """The value if it is new, else None."""
        stamp = self._stamp()
        self._left = max(0, self._left - 1)
        if stamp == self._seen and (self._left or not self._reason):
            return None
        self._pause = 1 if stamp != self._seen else min(self._longest_pause, 2 * self._pause)
        self._left, self._seen = self._pause, stamp
        try:
            content = self._read()
        except UsageError as error:
            self._fail(str(error))
            return None
        if self._reason:
            self._reason = ""
            self._recovered()
        return content

    def _fail(self, reason: str) -> None:
        if reason != self._reason:
            self._reason = reason
            self._failed(reason)
