"""How many connections somebody may hold at once."""

from collections.abc import Callable


class ConnectionLimiter:
    """Counts who is in; `most` says how many of one are let in, None for any number."""

    def __init__(self, most: Callable[[str], int | None]) -> None:
        self._most = most
        self._taken: dict[str, int] = {}

    def enter(self, who: str) -> bool:
        """Take a place; False when there is none left."""
        taken, most = self._taken.get(who, 0), self._most(who)
        if most is not None and taken >= most:
            return False
        self._taken[who] = taken + 1
        return True

    def leave(self, who: str) -> None:
        """Give a place back."""
        taken = self._taken.pop(who, 0)
        if taken > 1:
            self._taken[who] = taken - 1
