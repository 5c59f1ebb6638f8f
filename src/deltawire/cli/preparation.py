"""What `deltawire serve` reads and checks before it opens a socket; `config check` does the same and stops there."""

import contextlib
import ssl
from pathlib import Path

import msgspec

from deltawire.access.keys import Key
from deltawire.config import Config, Listen
from deltawire.errors import JournalError, UsageError
from deltawire.journal.files import check_private
from deltawire.ports import Source, Tap
from deltawire.roles.exchange import JOURNAL, parse_conditions
from deltawire.roles.gateway import AddressInUseError, WallClock, bind
from deltawire.sources.live.addresses import check_bases
from deltawire.store.accounts import AccountStore
from deltawire.store.home import check_folder, home, stated_version
from deltawire.store.keys import KeyStore
from deltawire.venues import REGISTRY


class Prepared(msgspec.Struct, frozen=True):
    """What was read and checked; nothing is written yet."""

    pace: float | None
    """Seconds per second, None for maximum speed."""
    recordings: list[Source]
    live: list[Source]
    tls: ssl.SSLContext | None
    """None without TLS, or if the server creates a self-signed certificate."""
    keys: list[Key]


def prepare(
    settings: Config,
    *,
    echo: bool = False,
    tap: Tap | None = None,
    from_ns: int = 0,
    gateway: bool = False,
) -> Prepared:
    """Read everything that a configuration names; raises the error with which `deltawire serve` would end.

    A `gateway` has no sources.
    """
    if settings.loop and not settings.replay:
        raise UsageError("--loop applies to recordings, and there is none: see --replay")
    pace = None if settings.speed == "max" else float(settings.speed)
    if serves_exchange(settings) and not (echo or gateway):
        _check_exchange(settings, pace)
    recordings = _open_recordings(settings, pace, from_ns, tap) if settings.replay else []
    live = _open_venues(settings, tap) if settings.live else []
    return Prepared(pace, recordings, live, _read_tls(settings), KeyStore().read())


def _open_recordings(settings: Config, pace: float | None, from_ns: int, tap: Tap | None) -> list[Source]:
    from deltawire.sources.recorded import Playing, sources_at  # only recordings need it

    playing = Playing(pace, settings.loop, from_ns, tap)
    return [
        source
        for replay in settings.replay
        for source in sources_at(replay.file, WallClock(), venue=replay.venue, playing=playing)
    ]


def serves_exchange(settings: Config) -> bool:
    """Whether the built-in exchange is served: if it is asked for, or if there is nothing else."""
    return settings.with_exchange or not (settings.replay or settings.live)


def _open_venues(settings: Config, tap: Tap | None) -> list[Source]:
    from deltawire.sources.live.source import LiveSettings, open_live  # only venues need it
    from deltawire.venues.live.allowance import Allowances

    allowances = Allowances()
    sources: list[Source] = []
    for live in settings.live:
        asked = LiveSettings(
            live.venue, live.instruments, frozenset(live.topics), live.endpoints, live.second_connection
        )
        tls = trusting(live.cafile)
        sources.append(open_live(asked, WallClock(), allowances=allowances, tls=tls, tap=tap))
    return sources


def trusting(cafile: str) -> ssl.SSLContext | None:
    """What a connection trusts; None for the system's certificates."""
    if not cafile:
        return None
    try:
        return ssl.create_default_context(cafile=cafile)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"cannot read the certificates in {cafile}: {error.strerror or error}") from error


def parse_endpoints(texts: list[str]) -> dict[str, tuple[str, ...]]:
    """`VENUE=URL` by venue."""
    moved: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, separator, url = text.partition("=")
        if not separator or name not in REGISTRY:
            raise UsageError(
                f"--endpoint is VENUE=URL with a venue of {', '.join(sorted(REGISTRY))}, not {text!r}"
            )
        check_bases([url])
        moved[name] = (*moved.get(name, ()), url)
    return moved


def check_address(listen: Listen) -> None:
    """Raise `UsageError` if it is impossible to listen on this address; an address in use is accepted."""
    with contextlib.suppress(AddressInUseError):
        bind(listen.host, listen.port).close()


def _check_exchange(settings: Config, pace: float | None) -> None:
    if pace is None:
        raise UsageError("--speed max applies to recordings: the exchange needs a number")
    parse_conditions(settings.exchange)
    check_folder(home())
    check_folder(home() / JOURNAL)
    stated_version(home())
    journal = home() / JOURNAL
    if journal.is_dir():
        try:
            check_private(journal)
        except JournalError as error:
            raise UsageError(f"the exchange cannot start: {error}") from error
    AccountStore().read()


def _read_tls(settings: Config) -> ssl.SSLContext | None:
    tls = settings.tls
    if not (tls.self_signed or tls.certificate):
        return None
    from deltawire.store.certificates import check_self_signed, load_tls  # only TLS needs it

    if tls.self_signed:
        check_self_signed(home(), settings.listen.host)
    return load_tls(Path(tls.certificate), Path(tls.key) if tls.key else None) if tls.certificate else None
