"""The file operations of a recorder, on paths below one directory; syncs make them durable."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from deltawire.errors import UsageError


class Disk(Protocol):
    """One directory with folders of append-only files."""

    def names(self, pattern: str) -> list[str]:
        """The files there are whose paths fit the pattern (`raw/**/*.zst`), sorted."""

    def path(self, name: str) -> Path:
        """Where a file is, to be read."""

    def append(self, name: str, content: bytes) -> None:
        """Append to a file, which is created if need be; durable when this returns."""

    def truncate(self, name: str, size: int) -> None:
        """Cut a file to this size."""

    def replace(self, name: str, content: bytes) -> None:
        """Give a file this content, or, after a crash, leave what it had: never anything between."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def close(self, name: str) -> None:
        """Nothing more is appended to this file for now."""

    def release(self) -> None:
        """Let another process have the directory."""


class LocalDisk:
    """A directory on a disk, held by one recorder at a time."""

    def __init__(self, directory: Path) -> None:
        """Create the directory if need be; `UsageError` if it cannot be, or if another recorder uses it."""
        self._open: dict[str, int] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._directory = directory
            self._lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise UsageError(f"cannot record to {directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise UsageError(f"another process records to {directory}: choose another directory") from None

    def names(self, pattern: str) -> list[str]:
        """See `Disk`."""
        files = (path for path in self._directory.glob(pattern) if path.is_file())
        return sorted(path.relative_to(self._directory).as_posix() for path in files)

    def path(self, name: str) -> Path:
        """See `Disk`."""
        return self._directory / name

    def append(self, name: str, content: bytes) -> None:
        """Write and `fdatasync`; a new file's name is synced with its folder."""
        handle = self._open.get(name)
        is_new = False
        if handle is None:
            path = self._directory / name
            is_new = not path.exists()
            self._make_folder(path.parent)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            self._open[name] = handle
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        os.fdatasync(handle)
        if is_new:
            self._sync_folder((self._directory / name).parent)

    def truncate(self, name: str, size: int) -> None:
        """See `Disk`."""
        os.truncate(self._directory / name, size)

    def replace(self, name: str, content: bytes) -> None:
        """Written under another name, synced, renamed, and the folder synced."""
        path = self._directory / name
        self._make_folder(path.parent)
        temporary = path.with_name(f".{path.name}.new")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
        self._sync_folder(path.parent)

    def remove(self, name: str) -> None:
        """See `Disk`."""
        (self._directory / name).unlink(missing_ok=True)

    def close(self, name: str) -> None:
        """See `Disk`."""
        handle = self._open.pop(name, None)
        if handle is not None:
            os.close(handle)

    def release(self) -> None:
        """See `Disk`."""
        for name in list(self._open):
            self.close(name)
        os.close(self._lock)

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            self._sync_folder(each.parent)

    @staticmethod
    def _sync_folder(folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
