"""`deltawire repair`."""

from os.path import isdir
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deltawire.cli.output import print_json
from deltawire.errors import UsageError
from deltawire.recording.disk import LocalDisk
from deltawire.recording.entry import format_time
from deltawire.recording.recording import OWN_NAME
from deltawire.recording.repairing import Repair, damaged_or_unfinished, repair
from deltawire.recording.stream import RAW


def repair_directory(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that `deltawire record` has written.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per file.")] = False,
) -> None:
    """Finish files that a recorder left unfinished, and remove what is damaged in them.

    Whole frames before and after the damage are kept. In place of what is removed stands a line that says so, which
    `verify` and `replay` report. Files without damage are left alone.

    Example: `deltawire repair recorded`
    """
    if not isdir(directory / RAW):
        raise UsageError(f"{directory}: no recording in it; `deltawire record … --out {directory}` makes one")
    disk = LocalDisk(directory)
    try:
        repairs = [repair(disk, name) for name in damaged_or_unfinished(disk)]
        files = len(disk.names(f"{RAW}/**/*{OWN_NAME}"))
    finally:
        disk.release()
    for each in repairs:
        if as_json:
            print_json(msgspec.structs.asdict(each))
        else:
            print(_described(each))
    if not as_json:
        print(f"{len(repairs)} of {files} files repaired")


def _described(done: Repair) -> str:
    if not done.lines:
        return f"{done.file}: nothing in it can be read; removed"
    places = f"{done.damaged} damaged places removed" if done.damaged else "finished"
    return f"{done.file}: {places}; {done.lines:,} lines, the last at {format_time(done.last_ns)}"
