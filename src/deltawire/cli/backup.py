"""`deltawire backup` and `deltawire restore`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deltawire.roles.backup import back_up
from deltawire.roles.backup import restore as restore_backup
from deltawire.store.home import home


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as `home.tar.zst`.")],
) -> None:
    """Back up `DELTAWIRE_HOME` to one file, also while a server uses it.

    Everything that was acknowledged before the command began is in it: accounts, keys, the journal, and the master key
    unless that is in the environment. The file has mode 0600; keep it as safe as the master key.

    Example: `deltawire backup /backups/deltawire-$(date +%F).tar.zst`
    """
    manifest = back_up(home(), file)
    size = file.stat().st_size
    print(f"{file}: {len(manifest.sha256)} files, {size / 1e6:.1f} MB")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `deltawire backup` wrote.")],
) -> None:
    """Restore a backup into `DELTAWIRE_HOME`, which must be empty or not exist; the journal is checked.

    Example: `DELTAWIRE_HOME=/var/lib/deltawire deltawire restore /backups/deltawire-2026-11-30.tar.zst`
    """
    restored = restore_backup(file, home())
    made = datetime.fromtimestamp(restored.manifest.made_ms / 1000, UTC).isoformat(timespec="seconds")
    print(
        f"{home()}: {len(restored.manifest.sha256)} files of {made}, journal up to record {restored.sequence}"
    )
