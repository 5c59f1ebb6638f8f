"""The numbered lines of a file, and bytes between them; damage is an exception after which reading can continue."""

from collections.abc import Iterator
from typing import BinaryIO

from deltawire.recording.containers import Break, unpacked

LONGEST_LINE = 256 * 1024 * 1024


class Damaged(Exception):  # noqa: N818 (it ends nothing)
    """The current line is lost, for this reason; the next `read` continues after it."""


class Lines:
    """The lines of a file. `number` is that of the last line read, from 1."""

    def __init__(self, raw: BinaryIO, pieces: Iterator[bytes | Break] | None = None) -> None:
        """`pieces` are the file's bytes if it is known how to read them."""
        self._pieces: Iterator[bytes | Break] = unpacked(raw) if pieces is None else pieces
        self._data = b""
        self._at = 0
        self.number = 0
        self._resumes_at = 0
        """The number of the next line, where a file says so behind damage."""

    def begins_at(self, number: int) -> None:
        """The next line has this number."""
        self.number = number - 1

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
        """This many bytes after the last line read; fewer if the file ends or is damaged."""
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
        """Put bytes back to be read again, and the damage after them, if any."""
        self.number -= body.count(b"\n")
        self._data, self._at = body + self._data[self._at :], 0
        if damage:
            self.number -= 1
            self._pieces = _again(Break(damage), self._pieces)

    def _read_across(self) -> bytes:
        parts = [self._data[self._at :]]
        self._data, self._at = b"", 0
        if self._resumes_at:
            self.number, self._resumes_at = self._resumes_at - 1, 0
        self.number += 1
        size = len(parts[0])
        for piece in self._pieces:
            if isinstance(piece, Break):
                self._resumes_at = piece.line
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
