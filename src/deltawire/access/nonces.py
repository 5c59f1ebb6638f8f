"""What was signed counts once: a memory of nonces that is longer than the time window of signatures."""

SECOND_NS = 1_000_000_000
WINDOW_S = 60
"""How far a signature's time may be from ours, either way."""


def is_timely(timestamp_ms: int, now: int) -> bool:
    """Whether a signature's time is within the window; `now` in nanoseconds."""
    return abs(now // 1_000_000 - timestamp_ms) <= WINDOW_S * 1000


class NonceCache:
    """Remembers for at least two windows: what is acceptable twice as long as it could come again."""

    def __init__(self) -> None:
        self._young: set[tuple[str, str | bytes]] = set()
        self._old: set[tuple[str, str | bytes]] = set()
        self._turn = 0

    def is_new(self, client_id: str, nonce: str | bytes, now: int) -> bool:
        """Whether a key has not used this nonce, or digest of what it signed, lately; from now on it has."""
        turn = now // (3 * WINDOW_S * SECOND_NS)
        if turn != self._turn:
            self._old = self._young if abs(turn - self._turn) == 1 else set()
            self._young, self._turn = set(), turn
        used = (client_id, nonce)
        if used in self._young or used in self._old:
            return False
        self._young.add(used)
        return True
