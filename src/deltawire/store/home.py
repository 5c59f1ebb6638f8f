"""The folder of all state: `DELTAWIRE_HOME`, or the user's data folder. Only its owner has access."""

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

from deltawire.errors import NOT_DECODED, UsageError

STORE_VERSION = 1
"""The layout of the folder; 1 is that of deltawire 0.1.0, which has no file that says so."""
VERSION_FILE = "store.json"
LARGEST_FILE = 64 * 1024 * 1024
T = TypeVar("T")


def home() -> Path:
    """The folder of all state; it may not exist yet."""
    if named := os.environ.get("DELTAWIRE_HOME"):
        return Path(named).expanduser()
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support" / "deltawire"
        return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "deltawire"
    except RuntimeError as error:
        raise UsageError(
            "cannot find the home folder: set DELTAWIRE_HOME to the folder for the state"
        ) from error


class StoreVersion(msgspec.Struct, frozen=True):
    """The content of `store.json`."""

    store: int


def stated_version(folder: Path) -> int:
    """The version of the layout that a folder has; `UsageError` if this deltawire does not know it."""
    try:
        version = decode_own(folder / VERSION_FILE, StoreVersion).store
    except FileNotFoundError:
        return 1
    if version > STORE_VERSION:
        raise UsageError(
            f"{folder}: store version {version} was written by a later deltawire, this one reads up to "
            f"{STORE_VERSION}: run that one, or restore a backup made before the upgrade"
        )
    return version


def make_home(folder: Path) -> None:
    """Create the folder of all state, or check an existing one, and state its version."""
    make_folder(folder)
    stated_version(folder)
    if not (folder / VERSION_FILE).exists():
        write_whole(folder / VERSION_FILE, msgspec.json.encode(StoreVersion(STORE_VERSION)))


def make_folder(folder: Path) -> None:
    """Create a folder that only its owner may enter; `UsageError` if an existing one is writable by others."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shared = folder.stat().st_mode & 0o022
    except OSError as error:
        raise UsageError(
            f"cannot create {folder}: {error.strerror}; set DELTAWIRE_HOME to another folder"
        ) from error
    if shared:
        raise UsageError(f"other users can write into {folder}: run chmod 700 {folder}")


def check_folder(folder: Path) -> None:
    """Raise `UsageError` if `make_folder` would fail or the folder cannot be written; creates nothing."""
    place = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if not place.is_dir():
        raise UsageError(
            f"cannot create {folder}: {place} is not a folder; set DELTAWIRE_HOME to another folder"
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into {place}; set DELTAWIRE_HOME to another folder")
    if os.path.exists(folder) and folder.stat().st_mode & 0o022:
        raise UsageError(f"other users can write into {folder}: run chmod 700 {folder}")


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file atomically; on disk when this returns, readable by its owner only."""
    try:
        _write_whole(path, data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _write_whole(path: Path, data: bytes) -> None:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
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
    """Read a file that only its owner may read; `UsageError` if others may, or if it is not a regular file.

    It never blocks and reads a bounded size, because a running server calls it and the path may be a pipe.
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
        raise UsageError(f"{path} can be read by other users: run chmod 600 {path}")
    if status.st_size <= LARGEST_FILE:
        with os.fdopen(number, "rb", closefd=False) as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) <= LARGEST_FILE:
            return data
    raise UsageError(f"{path} is larger than {LARGEST_FILE // 1024**2} MiB")


def decode_own(path: Path, kind: type[T]) -> T:
    """Decode the JSON of a file that only its owner may read; `UsageError` if it is not JSON, or not of this type."""
    data = read_own(path)
    try:
        return msgspec.json.decode(data, type=kind)
    except NOT_DECODED as error:
        raise UsageError(f"{path} is damaged: {error}") from error


def file_stamp(path: Path) -> tuple[int, int, int]:
    """A value that changes whenever the file does."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_size)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file."""
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; set DELTAWIRE_HOME to another folder"
        ) from error
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
