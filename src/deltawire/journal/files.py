"""The file operations that a journal needs. `fdatasync` and a directory's `fsync` make them durable."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from deltawire.errors import JournalError


class Files(Protocol):
    """One directory of append-only files."""

    def names(self) -> list[str]:
        """The files there are, sorted."""

    def read(self, name: str) -> bytes:
        """A whole file."""

    def create(self, name: str, content: bytes) -> None:
        """Create a file with this content, durable with its name when this returns, or not existing at all."""

    def append(self, name: str, content: bytes) -> None:
        """Append bytes to a file, durable when this returns."""

    def truncate(self, name: str, size: int) -> None:
        """Truncate a file, durably."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def close(self) -> None:
        """Release the directory."""


IN_USE = "another process uses this journal: stop that, or choose another DELTAWIRE_HOME"


class DiskFiles:
    """A directory on a disk, held by one process at a time."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(directory)
        self._directory = directory
        self._folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self._open: tuple[str, int] | None = None
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._folder)
            raise JournalError(str(directory), "", IN_USE) from None

    def names(self) -> list[str]:
        """The files there are, sorted."""
        return sorted(path.name for path in self._directory.iterdir() if path.is_file())

    def read(self, name: str) -> bytes:
        """A whole file."""
        return (self._directory / name).read_bytes()

    def create(self, name: str, content: bytes) -> None:
        """Written under another name, synced, renamed, and the directory synced."""
        temporary = self._directory / f"{name}.new"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self._write(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, self._directory / name)
        os.fsync(self._folder)

    def append(self, name: str, content: bytes) -> None:
        """Write and `fdatasync`."""
        if self._open is None or self._open[0] != name:
            self._shut()
            self._open = name, os.open(self._directory / name, os.O_WRONLY | os.O_APPEND)
        handle = self._open[1]
        self._write(handle, content)
        os.fdatasync(handle)

    def truncate(self, name: str, size: int) -> None:
        """Cut and `fsync`."""
        handle = os.open(self._directory / name, os.O_WRONLY)
        try:
            os.ftruncate(handle, size)
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, name: str) -> None:
        """Unlink."""
        (self._directory / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Close open files and release the lock."""
        self._shut()
        os.close(self._folder)

    def _shut(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    @staticmethod
    def _write(handle: int, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]


def check_private(directory: Path) -> None:
    """Raise `JournalError` if other users may write into the directory or read a file in it."""
    if directory.stat().st_mode & 0o022:
        raise JournalError(str(directory), "", f"other users can write here: run chmod 700 {directory}")
    for path in directory.iterdir():
        if path.is_file() and path.stat().st_mode & 0o077:
            raise JournalError(str(path), "", f"can be read or written by other users: run chmod 600 {path}")
