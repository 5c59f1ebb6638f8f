"""Limits on simultaneous connections."""

from collections.abc import Callable


class ConnectionLimiter:
    """Counts connections by owner; `most` returns the limit of an owner, None for no limit."""

    def __init__(self, most: Callable[[str], int | None]) -> None:
        self._most = most
        self._taken: dict[str, int] = {}

    def enter(self, who: str) -> bool:
        """Count a new connection; returns False if the limit is reached."""
        taken, most = self._taken.get(who, 0), self._most(who)
        if most is not None and taken >= most:
            return False
        self._taken[who] = taken + 1
        return True

    def leave(self, who: str) -> None:
        """Count the end of a connection."""
        taken = self._taken.pop(who, 0)
        if taken > 1:
            self._taken[who] = taken - 1
