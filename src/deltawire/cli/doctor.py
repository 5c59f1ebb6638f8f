"""`deltawire doctor`."""

import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from deltawire.book.kernel import COMPILED, DESCRIPTION
from deltawire.cli.output import print_json
from deltawire.cli.preparation import prepare
from deltawire.config import Config, Listen, load_config
from deltawire.errors import DeltawireError, JournalError, how_to_install
from deltawire.journal.files import IN_USE
from deltawire.roles.backup import inspect_journal
from deltawire.roles.exchange import JOURNAL
from deltawire.roles.gateway import AddressInUseError, bind
from deltawire.store.accounts import AccountStore
from deltawire.store.home import check_folder, home, stated_version
from deltawire.store.keys import KeyStore

OLDEST_PYTHON = 3, 11
EXTRAS = {
    "analytics": "numpy",
    "arrow": "pyarrow",
    "dbn": "databento_dbn",
    "mcp": "mcp",
    "nats": "nats",
    "npz": "numpy",
    "numba": "numba",
    "pandas": "pandas",
    "polars": "polars",
    "watch": "textual",
}
"""A module that each extra brings."""
LEAST_FREE, ENOUGH_FREE = 100 * 1000**2, 1000**3
ENOUGH_DESCRIPTORS = 4096
AHEAD_S = 60.0
EARLIEST_NS = 1_700_000_000_000_000_000
"""No clock shows an earlier time than when this was written (2023-11)."""


class Finding(NamedTuple):
    """One line: what was checked, how it is, and what to do next unless it is fine."""

    check: str
    state: Literal["ok", "warning", "error"]
    text: str


def doctor(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A configuration file of `deltawire serve`, checked as well."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per check.")] = False,
) -> None:
    """Check whether `deltawire serve` can run here; one line per check, each with what to do next.

    It checks Python, the kernel, extras, `DELTAWIRE_HOME`, free disk space, the journal, the address, the limit of
    descriptors, the clock, and the configuration. It changes nothing. The exit code is 1 if there is an error.

    Example: `deltawire doctor --config deltawire.toml`
    """
    findings = [*examine(config)]
    for finding in findings:
        if as_json:
            print_json(finding._asdict())
        else:
            print(f"{finding.state:8} {finding.check:12} {finding.text}")
    if any(finding.state == "error" for finding in findings):
        raise typer.Exit(1)


def examine(config: Path | None) -> Iterator[Finding]:
    """Every check, one by one: what one of them finds does not end the others."""
    settings = Config()
    yield _python()
    yield _kernel()
    yield _extras()
    yield _tried("home", _home)
    yield _tried("disk", _disk)
    yield _tried("journal", _journal)
    if config is not None:
        yield _tried("config", lambda: _config(config))
        try:
            settings = load_config(config)
        except DeltawireError:
            return
    yield _tried("address", lambda: _address(settings.listen))
    yield _descriptors()
    yield _clock(time.time_ns())


def _tried(check: str, examined: Callable[[], Finding]) -> Finding:
    try:
        return examined()
    except DeltawireError as error:
        return Finding(check, "error", str(error))
    except OSError as error:
        return Finding(check, "error", f"{error}; set DELTAWIRE_HOME to another folder")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", "error", f"{version}: install Python 3.11 or newer")
    return Finding("python", "ok", version)


def _kernel() -> Finding:
    advice = (
        "" if COMPILED else "; books are slower: install a wheel, or a C++ compiler and then deltawire again"
    )
    return Finding("kernel", "ok" if COMPILED else "warning", DESCRIPTION + advice)


def _extras() -> Finding:
    there = [extra for extra, module in EXTRAS.items() if find_spec(module)]
    missing = [extra for extra in EXTRAS if extra not in there]
    advice = f"; for more: {how_to_install(','.join(missing))}" if missing else ""
    return Finding("extras", "ok", (", ".join(there) or "none") + advice)


def _home() -> Finding:
    folder = home()
    check_folder(folder)
    version = stated_version(folder)
    accounts, keys = len(AccountStore().read()), len(KeyStore().read())
    if not folder.exists():
        return Finding("home", "ok", f"{folder}: does not exist yet; the first start creates it")
    return Finding("home", "ok", f"{folder}: store version {version}, {accounts} accounts, {keys} keys")


def _disk() -> Finding:
    folder = home()
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free at {place}"
    if free < LEAST_FREE:
        return Finding("disk", "error", f"{text}: free some, or set DELTAWIRE_HOME to another disk")
    if free < ENOUGH_FREE:
        return Finding(
            "disk", "warning", f"{text}: the exchange stops when nothing can be written; free some"
        )
    return Finding("disk", "ok", text)


def _journal() -> Finding:
    folder = home() / JOURNAL
    if not folder.is_dir():
        return Finding("journal", "ok", "none yet")
    try:
        report = inspect_journal(folder)
    except JournalError as error:
        if IN_USE in str(error):
            return Finding("journal", "ok", "in use by a running server; not read")
        raise
    restored = f"restore a backup: move {folder.parent} away, then deltawire restore FILE"
    if report.damage:
        return Finding("journal", "error", f"{report.damage}; {restored}")
    if report.unreadable:
        return Finding("journal", "error", f"{report.unreadable} records are of another version; {restored}")
    cut = "; its torn end is cut at the next start" if report.torn else ""
    return Finding("journal", "ok", f"readable up to record {report.sequence}{cut}")


def _config(file: Path) -> Finding:
    prepare(load_config(file))
    return Finding("config", "ok", f"{file} is valid")


def _address(listen: Listen) -> Finding:
    text = f"{listen.host}:{listen.port}"
    try:
        bind(listen.host, listen.port).close()
    except AddressInUseError:
        return Finding("address", "warning", f"{text} is in use: stop that server, or choose another --port")
    return Finding("address", "ok", f"{text} is free")


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < ENOUGH_DESCRIPTORS:
        most = "65536" if hard < 0 or hard >= 65536 else str(hard)
        advice = f"each connection takes one: ulimit -n {most}, or LimitNOFILE= in a systemd unit"
        return Finding("descriptors", "warning", f"at most {soft}; {advice}")
    return Finding("descriptors", "ok", f"at most {'unlimited' if soft < 0 else soft}")


def _clock(now_ns: int) -> Finding:
    """The clock can only be compared with what was known before: this program, and the files that are there."""
    folder = home()
    files = [path for path in (folder, *folder.glob("*.json"), *folder.glob(f"{JOURNAL}/*")) if path.exists()]
    newest_ns = max((os.stat(path).st_mtime_ns for path in files), default=0)
    ahead_s = (newest_ns - now_ns) / 1e9
    if now_ns < EARLIEST_NS:
        return Finding(
            "clock", "error", "shows a time before 2023: start a time service (chrony, systemd-timesyncd)"
        )
    if ahead_s > AHEAD_S:
        text = f"{ahead_s:.0f} s behind the newest file of {folder}: check the time service; signatures may be refused"
        return Finding("clock", "error", text)
    return Finding("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ns / 1e9)))
