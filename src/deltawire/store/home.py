"""Where state lives: `DELTAWIRE_HOME`, or the user's data folder. For the owner's eyes only."""

import contextlib
import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from deltawire.errors import UsageError

LARGEST_FILE = 64 * 1024 * 1024
T = TypeVar("T")


def home() -> Path:
    """The folder of all state; it need not be there yet."""
    if named := os.environ.get("DELTAWIRE_HOME"):
        return Path(named).expanduser()
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support" / "deltawire"
        return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "deltawire"
    except RuntimeError as error:
        raise UsageError("you have no home folder: say where state may live with DELTAWIRE_HOME") from error


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter; `UsageError` where others may write into one that is there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shared = folder.stat().st_mode & 0o022
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}; DELTAWIRE_HOME names another") from error
    if shared:
        raise UsageError(f"others may write into {folder}: chmod 700 it")


def check_folder(folder: Path) -> None:
    """Raise `UsageError` if `make_folder` would fail, or nothing could be written there; nothing is made."""
    place = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if not place.is_dir():
        raise UsageError(f"cannot make {folder}: {place} is not a folder; DELTAWIRE_HOME names another")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into {place}; DELTAWIRE_HOME names another folder")


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file by another in one step, on disk when this returns, readable by its owner only."""
    try:
        _write_whole(path, data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _write_whole(path: Path, data: bytes) -> None:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_own(path: Path) -> bytes:
    """What is in a file that only its owner may read; `UsageError` when others may too, or when it is no file.

    It never blocks and is bounded: a server reads it while it serves, and somebody may put a pipe in its place.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return _read(path, number)
        finally:
            os.close(number)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _read(path: Path, number: int) -> bytes:
    status = os.fstat(number)
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is not a regular file")
    if status.st_mode & 0o077:
        raise UsageError(f"{path} can be read by others: chmod 600 it")
    if status.st_size <= LARGEST_FILE:
        with os.fdopen(number, "rb", closefd=False) as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) <= LARGEST_FILE:
            return data
    raise UsageError(f"{path} is larger than {LARGEST_FILE // 1024**2} MiB")


def decode_own(path: Path, kind: type[T]) -> T:
    """The JSON in a file that only its owner may read; `UsageError` when it is none, or not of this type."""
    data = read_own(path)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is damaged: {error}") from error


def file_stamp(path: Path) -> tuple[int, int, int]:
    """Changes whenever the file does."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_size)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else who asks for this lock has it meanwhile."""
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; DELTAWIRE_HOME names another folder"
        ) from error
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
