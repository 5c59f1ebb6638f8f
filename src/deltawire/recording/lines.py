"""A file's lines, counted, and bytes between them; damage is an exception after which reading goes on."""

from collections.abc import Iterator
from typing import BinaryIO

from deltawire.recording.containers import Break, unpacked

LONGEST_LINE = 256 * 1024 * 1024


class Damaged(Exception):  # noqa: N818 (it ends nothing)
    """The line at hand is lost, and why; the next `read` goes on behind it."""


class Lines:
    """The lines of a file. `number` is that of the line read last, from 1."""

    def __init__(self, raw: BinaryIO) -> None:
        self._pieces: Iterator[bytes | Break] = unpacked(raw)
        self._data = b""
        self._at = 0
        self.number = 0

    def read(self) -> bytes:
        """The next line with its end, b"" after the last; `Damaged` if it is lost."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            return self._read_across()
        line = self._data[self._at : end + 1]
        self._at = end + 1
        self.number += 1
        return line

    def take(self, count: int) -> bytes:
        """So many bytes after the line last read, fewer where the file ends or is damaged."""
        parts, missing = [self._data[self._at : self._at + count]], 0
        self._at += len(parts[0])
        missing = count - len(parts[0])
        while missing:
            piece = next(self._pieces, None)
            if not isinstance(piece, bytes):
                self._pieces = _again(piece, self._pieces)
                break
            parts.append(piece[:missing])
            self._data, self._at = piece, len(parts[-1])
            missing -= len(parts[-1])
        body = b"".join(parts)
        self.number += body.count(b"\n")
        return body

    def put_back(self, body: bytes, damage: str = "") -> None:
        """What was taken is read again, and the damage behind it, if any, is met again."""
        self.number -= body.count(b"\n")
        self._data, self._at = body + self._data[self._at :], 0
        if damage:
            self.number -= 1
            self._pieces = _again(Break(damage), self._pieces)

    def _read_across(self) -> bytes:
        parts = [self._data[self._at :]]
        self._data, self._at = b"", 0
        self.number += 1
        size = len(parts[0])
        for piece in self._pieces:
            if isinstance(piece, Break):
                raise Damaged(piece.reason)
            end = piece.find(b"\n") + 1
            size += end or len(piece)
            if size <= LONGEST_LINE:
                parts.append(piece[:end] if end else piece)
            else:
                parts.clear()
            if end:
                self._data, self._at = piece, end
                break
        if size > LONGEST_LINE:
            raise Damaged("no line end in sight")
        line = b"".join(parts)
        self.number -= not line
        return line


def _again(piece: Break | None, pieces: Iterator[bytes | Break]) -> Iterator[bytes | Break]:
    if piece is not None:
        yield piece
    yield from pieces
