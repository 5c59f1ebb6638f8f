"""The last rows of a long series; whole chunks are kept encoded, so that a snapshot costs what is new."""

from collections import deque
from typing import Any

import msgspec

Row = tuple[Any, ...]
PackedChunks = tuple[list[bytes], list[Row]]
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode


class PackedRows:
    """Between `kept` and `kept` + 2 × `chunk` rows, the newest of all that were added."""

    def __init__(self, kept: int, chunk: int = 60) -> None:
        self._chunk = chunk
        self._done: deque[bytes] = deque(maxlen=-(-kept // chunk))
        self._open: list[Row] = []

    @property
    def last(self) -> Row | None:
        """The newest row."""
        return self._open[-1] if self._open else None

    def add(self, row: Row) -> None:
        """The next row."""
        if len(self._open) > self._chunk:
            self._done.append(_encode(self._open[: self._chunk]))
            del self._open[: self._chunk]
        self._open.append(row)

    def replace(self, row: Row) -> None:
        """What the newest row is now."""
        self._open[-1] = row

    def rows(self) -> list[Row]:
        """All of them, oldest first."""
        return [row for chunk in self._done for row in _decode(chunk)] + self._open

    def freeze(self) -> PackedChunks:
        """For `thaw`."""
        return list(self._done), list(self._open)

    def thaw(self, frozen: PackedChunks) -> None:
        """Become what `freeze` gave."""
        done, rest = frozen
        self._done.extend(done)
        self._open = list(rest)
