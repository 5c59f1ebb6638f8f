"""The newest rows of a long series; full chunks are kept encoded, so a snapshot encodes only the newest rows."""

from typing import Any

import msgspec

Row = tuple[Any, ...]
PackedChunks = tuple[list[bytes], list[Row]]
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode


class PackedRows:
    """Keeps the newest rows: from `kept` to `kept` + 2 × `chunk` of them."""

    def __init__(self, kept: int, chunk: int = 60) -> None:
        self._chunk = chunk
        self._most = -(-kept // chunk)
        self._done: list[bytes] = []
        self._open: list[Row] = []

    @property
    def last(self) -> Row | None:
        """The newest row; None if it is empty."""
        return self._open[-1] if self._open else None

    def add(self, row: Row) -> None:
        """Append a row."""
        if len(self._open) > self._chunk:
            self._done.append(_encode(self._open[: self._chunk]))
            del self._done[: -self._most]
            del self._open[: self._chunk]
        self._open.append(row)

    def replace(self, row: Row) -> None:
        """Replace the newest row; `IndexError` if there is none."""
        self._open[-1] = row

    def rows(self) -> list[Row]:
        """All rows, oldest first."""
        return [row for chunk in self._done for row in _decode(chunk)] + self._open

    def freeze(self) -> PackedChunks:
        """The encoded chunks and the open rows, for `thaw`."""
        return list(self._done), list(self._open)

    def thaw(self, frozen: PackedChunks) -> None:
        """Restore the result of `freeze` in an empty object."""
        done, rest = frozen
        self._done = done[-self._most :]
        self._open = list(rest)
