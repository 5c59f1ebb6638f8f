"""Backups of `DELTAWIRE_HOME`, also while a server uses it, and their restoration.

    *.tar.zst   backup.json (what is inside, with SHA-256), then the files

The journal is copied before the accounts and keys: accounts that are newer than the journal get what is missing at
the next start, older ones would lack deposits that were made.
"""

import hashlib
import io
import os
import tarfile
import time
from pathlib import Path
from typing import get_args

import msgspec
import zstandard

from deltawire import __version__
from deltawire.errors import NOT_DECODED, UsageError
from deltawire.exchange.accounts.account_records import AccountRecord
from deltawire.exchange.codec import Codec
from deltawire.journal.files import DiskFiles
from deltawire.journal.inspection import Inspection, inspect
from deltawire.journal.journal import SEGMENT, SNAPSHOT
from deltawire.roles.exchange import JOURNAL
from deltawire.store.home import STORE_VERSION, make_folder, read_own, stated_version, write_whole

BACKUP_VERSION = 1
MANIFEST = "backup.json"
PLAIN = "accounts.json", "keys.json", "master.key", "self-signed.pem", "store.json"
"""Everything but the journal, in the order in which it is copied."""
ATTEMPTS = 20


class Manifest(msgspec.Struct, frozen=True):
    """What a backup contains; `sha256` by file."""

    backup: int
    deltawire: str
    store: int
    made_ms: int
    sha256: dict[str, str]


class Restored(msgspec.Struct, frozen=True):
    """What was restored: the files, and the last record of the journal (0 without one)."""

    manifest: Manifest
    sequence: int


def back_up(folder: Path, target: Path) -> Manifest:
    """Write a backup of the folder; `UsageError` if there is nothing, or if the file exists."""
    if target.exists():
        raise UsageError(f"{target} exists: choose another file")
    stated_version(folder)
    files = _journal(folder / JOURNAL)
    for name in PLAIN:
        if (folder / name).exists():
            files[name] = read_own(folder / name)
    if not files:
        raise UsageError(f"{folder} has no state to back up; is DELTAWIRE_HOME right?")
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = Manifest(BACKUP_VERSION, __version__, STORE_VERSION, time.time_ns() // 1_000_000, sums)
    write_whole(target, _packed({MANIFEST: msgspec.json.encode(manifest)} | files))
    return manifest


def _journal(folder: Path) -> dict[str, bytes]:
    """The segments and snapshots of a journal; copied again if the server removed one meanwhile.

    Whatever is listed is read in order. All segments but the last are whole; a record that is being written at the
    end of the last one was not acknowledged yet, and the next start cuts it.
    """
    for _ in range(ATTEMPTS):
        try:
            names = [path.name for path in folder.iterdir() if path.suffix in (".log", ".bin")]
            return {f"{JOURNAL}/{name}": (folder / name).read_bytes() for name in _in_order(names)}
        except FileNotFoundError:
            if not folder.exists():
                return {}
    raise UsageError(f"{folder} changes faster than it can be copied: try again")


def _in_order(names: list[str]) -> list[str]:
    """Segments first: a snapshot never covers less than them."""
    return sorted(names, key=lambda name: (not name.startswith(SEGMENT), name))


def _packed(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return zstandard.ZstdCompressor(level=6).compress(raw.getvalue())


def restore(source: Path, folder: Path) -> Restored:
    """Restore a backup into a folder that is empty or does not exist; its journal is checked before this returns.

    `UsageError` if the backup is damaged, or if the folder has state already.
    """
    manifest, files = _unpacked(source)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: stop the server and move it away, or set DELTAWIRE_HOME")
    make_folder(folder)
    for name, content in files.items():
        make_folder((folder / name).parent)
        write_whole(folder / name, content)
    return Restored(manifest, _checked(folder / JOURNAL))


def _unpacked(source: Path) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest, and the files that it names, each as it was."""
    try:
        with (
            source.open("rb") as packed,
            zstandard.ZstdDecompressor().stream_reader(packed) as raw,
            tarfile.open(fileobj=raw, mode="r|") as archive,
        ):
            files = {
                member.name: content.read()
                for member in archive
                if (content := archive.extractfile(member)) is not None
            }
        manifest = msgspec.json.decode(files.pop(MANIFEST), type=Manifest)
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror or error}") from error
    except (tarfile.TarError, zstandard.ZstdError, KeyError, *NOT_DECODED) as error:
        raise UsageError(f"{source} is not a backup, or is damaged: {error}") from error
    if manifest.backup > BACKUP_VERSION or manifest.store > STORE_VERSION:
        raise UsageError(
            f"{source} was written by a later deltawire ({manifest.deltawire}): restore with that one"
        )
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if sums != manifest.sha256:
        raise UsageError(f"{source} is damaged: a file in it is not what was backed up")
    if strange := [name for name in files if not _is_ours(name)]:
        raise UsageError(f"{source} is not a backup of deltawire: it contains {strange[0]!r}")
    return manifest, files


def _is_ours(name: str) -> bool:
    """Whether a backup may write a file of this name: nothing outside the folder."""
    room, _, file = name.rpartition("/")
    return name in PLAIN or (room == JOURNAL and file.startswith((SEGMENT, SNAPSHOT)) and os.sep not in file)


def _checked(journal: Path) -> int:
    if not journal.exists():
        return 0
    report = inspect_journal(journal)
    if not report.sound:
        raise UsageError(
            f"{journal} cannot be used: {report.damage or f'{report.unreadable} unknown records'}"
        )
    return report.sequence


def inspect_journal(folder: Path) -> Inspection:
    """The report on a journal; `JournalError` if a server uses it."""
    files, codec = DiskFiles(folder), Codec(*get_args(AccountRecord))

    def readable(payload: bytes) -> bool:
        try:
            codec.decode(payload)
        except NOT_DECODED:
            return False
        return True

    try:
        return inspect(files, str(folder), readable)
    finally:
        files.close()
