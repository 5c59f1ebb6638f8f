"""A disk with power cuts: only synced data survives, and a part of what was being written."""

import threading
from pathlib import Path
from random import Random

from deltawire.journal.files import DiskFiles
from deltawire.recording.disk import LocalDisk


class PowerLossError(OSError):
    """The disk has lost its power."""


class PowerCutFiles(DiskFiles):
    """Real files and real syncs; records how much of each file has been synced."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._path = directory
        self._lock = threading.Lock()
        self._off = False
        self._durable = {name: len(self.read(name)) for name in self.names()}

    def create(self, name: str, content: bytes) -> None:
        """Create a file; it is durable only if the power is still on afterwards."""
        self._powered()
        super().create(name, content)
        self._note(name, len(content))

    def append(self, name: str, content: bytes) -> None:
        """Append to a file; the data is durable only if the power is still on afterwards."""
        self._powered()
        super().append(name, content)
        self._note(name, self._durable[name] + len(content))

    def truncate(self, name: str, size: int) -> None:
        """Truncate a file; durable at once."""
        self._powered()
        super().truncate(name, size)
        self._note(name, size)

    def cut(self, survivors: Path, random: Random) -> None:
        """Cut the power; copies what a restart would find to another directory."""
        with self._lock:
            self._off = True
            durable = dict(self._durable)
        survivors.mkdir()
        for name, size in durable.items():
            if (self._path / name).exists():
                content = self.read(name)
                (survivors / name).write_bytes(content[:size] + _torn(content[size:], random))
                (survivors / name).chmod(0o600)
        self.close()

    def _powered(self) -> None:
        if self._off:
            raise PowerLossError("no power")

    def _note(self, name: str, size: int) -> None:
        with self._lock:
            self._powered()
            self._durable[name] = size


def _torn(unsynced: bytes, random: Random) -> bytes:
    """What may remain of unsynced bytes: nothing, a part, or a part with holes of zeros."""
    part = bytearray(unsynced[: random.randint(0, len(unsynced))])
    if part and random.random() < 0.5:
        hole = random.randrange(len(part))
        part[hole:] = bytes(len(part) - hole)
    return bytes(part)


class PowerCutDisk(LocalDisk):
    """A recorder's directory, with real syncs; records how much of each file has been synced.

    A name that was never synced is gone after the cut; a file that was replaced is there as before, or as after.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._root = directory
        self._power_lock = threading.Lock()
        self._off = False
        self._synced = {name: self.path(name).stat().st_size for name in self.names("**/*")}

    def append(self, name: str, content: bytes) -> None:
        """See `Disk`; durable only if the power is still on afterwards."""
        self._powered()
        super().append(name, content)
        self._note(name, self._synced.get(name, 0) + len(content))

    def truncate(self, name: str, size: int) -> None:
        """See `Disk`."""
        self._powered()
        super().truncate(name, size)
        self._note(name, min(size, self._synced.get(name, 0)))

    def replace(self, name: str, content: bytes) -> None:
        """See `Disk`."""
        self._powered()
        super().replace(name, content)
        self._note(name, len(content))

    def cut(self, survivors: Path, random: Random) -> None:
        """Cut the power; copies what a restart would find to another directory."""
        with self._power_lock:
            self._off = True
            synced = dict(self._synced)
        survivors.mkdir()
        for name, size in synced.items():
            if self.path(name).exists():
                content = self.path(name).read_bytes()
                target = survivors / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content[:size] + _torn(content[size:], random))

    def _powered(self) -> None:
        if self._off:
            raise PowerLossError("no power")

    def _note(self, name: str, size: int) -> None:
        with self._power_lock:
            self._powered()
            self._synced[name] = size
