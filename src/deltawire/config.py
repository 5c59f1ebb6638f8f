"""The configuration file: reads TOML into one value; errors are one line with the file and the key."""

import difflib
import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec

from deltawire.access.backoff import BackoffPolicy
from deltawire.access.rate_limits import RateLimits
from deltawire.errors import UsageError
from deltawire.gateway.gateway import Limits, Policy
from deltawire.ports import Topic
from deltawire.roles.exchange import Setup
from deltawire.sources.live.addresses import check_bases
from deltawire.venues import REGISTRY

SLOWEST, FASTEST = 1e-6, 1e6
SPEEDS = "a number from 0.000001 to 1000000, or max"
BUS_URLS = "nats://host:port or tls://host:port"
LARGEST = 10**12
"""Upper bound of every limit: more than is useful, and less than timers can count."""


RENAMED = {
    "limits": {
        "largest_message": "max_message_size",
        "most_fragments": "max_fragments",
        "unsent_bytes": "max_unsent_bytes",
        "unread_for_s": "write_timeout",
        "request_within_s": "request_timeout",
        "auth_within_s": "auth_timeout",
        "ping_after_s": "ping_interval",
        "pong_within_s": "ping_timeout",
        "close_within_s": "close_timeout",
        "watch_every_s": "watch_interval",
    }
}
"""By table: names of keys in version 0.1.0 and their present names."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class Listen(Part, frozen=True):
    """The address to listen on."""

    host: str = "127.0.0.1"
    port: int = 8080


class Tls(Part, frozen=True):
    """wss and https: a certificate (chain) and its key in PEM, or a self-signed certificate for development."""

    certificate: str = ""
    key: str = ""
    self_signed: bool = False


class Replay(Part, frozen=True):
    """A recording to serve, and its venue."""

    file: str
    venue: str


class Live(Part, frozen=True):
    """A venue to connect to."""

    venue: str
    instruments: tuple[str, ...] = ("*",)
    topics: tuple[Topic, ...] = ("book", "trades", "ticker")
    endpoints: tuple[str, ...] = ()
    cafile: str = ""
    """PEM; trusted instead of the system's certificates."""
    second_connection: bool = False


class Bus(Part, frozen=True):
    """NATS JetStream between processes: a URL, a file of credentials, certificates (PEM) to trust."""

    url: str = ""
    """Empty: none."""
    credentials: str = ""
    cafile: str = ""
    stale_after: float = 2.0
    """Seconds without a message of a venue, after which a gateway tells its books stale."""


class Config(Part, frozen=True):
    """All settings of `deltawire serve`.

    The home venue is the exchange if it is served, else the first venue.
    """

    listen: Listen = Listen()
    tls: Tls = Tls()
    replay: tuple[Replay, ...] = ()
    """The recordings to serve; if there is nothing else, the built-in exchange is served."""
    live: tuple[Live, ...] = ()
    """The venues to connect to."""
    with_exchange: bool = False
    """Serve the built-in exchange beside recordings and venues; its instruments have no prefix."""
    exchange: Setup = Setup()
    speed: float | str = 1.0
    """Recorded or simulated seconds per second; for recordings also `max`."""
    loop: bool = False
    bus: Bus = Bus()
    access: Policy = Policy()
    limits: Limits = Limits()
    credits: RateLimits = RateLimits()
    logins: BackoffPolicy = BackoffPolicy()


def load_config(path: Path) -> Config:
    """Read the configuration from a file; `UsageError` says in one line what is wrong, and where."""
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    for table, names in RENAMED.items():
        for old, new in names.items():
            if isinstance(tables.get(table), dict) and old in tables[table]:
                raise UsageError(f"{path}: {table}.{old}: is now called {new}")
    try:
        config = msgspec.convert(tables, Config)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        where = place.removeprefix(".").rstrip("`")
        reason += _near_miss(reason, where)
        raise UsageError(f"{path}: {where + ': ' if where else ''}{reason}") from error
    for key, reason in problems(config):
        raise UsageError(f"{path}: {key}: {reason}")
    return config


def _near_miss(reason: str, where: str) -> str:
    """The known key that is most similar to an unknown one, or the table that has a key of this name."""
    unknown = re.search(r"unknown field `(.+)`", reason)
    if unknown is None:
        return ""
    tables: dict[str, msgspec.Struct] = {"": Config()}
    tables |= {
        name: table
        for name in Config.__struct_fields__
        if isinstance(table := getattr(Config(), name), msgspec.Struct)
    }
    keys = tables[where].__struct_fields__ if where in tables else ()
    if near := difflib.get_close_matches(unknown[1], keys, 1):
        return f"; did you mean {near[0]}?"
    homes = [name for name, table in tables.items() if name and unknown[1] in table.__struct_fields__]
    return f"; it belongs in [{homes[0]}]" if homes else ""


def is_bus(url: str) -> bool:
    """Whether this may be the address of a bus."""
    scheme, separator, rest = url.partition("://")
    return scheme in ("nats", "tls", "ws", "wss") and bool(separator and rest)


def is_speed(speed: float) -> bool:
    """Whether time may pass at this multiple of real time."""
    return SLOWEST <= speed <= FASTEST


def problems(config: Config) -> list[tuple[str, str]]:
    """Return values of the right type that are invalid: the key and the reason."""
    entries = [*_numbers("limits", config.limits), *_numbers("credits", config.credits)]
    entries += _numbers("logins", config.logins, may_be_zero=("free", "first_s"))
    if not 0 <= config.listen.port <= 65535:
        entries.append(("listen.port", "from 0 to 65535"))
    if not (is_speed(config.speed) if isinstance(config.speed, float) else config.speed == "max"):
        entries.append(("speed", SPEEDS))
    if config.bus.url and not is_bus(config.bus.url):
        entries.append(("bus.url", f"must be {BUS_URLS}, not {config.bus.url!r}"))
    if not 0.1 <= config.bus.stale_after <= LARGEST:
        entries.append(("bus.stale_after", f"must be at least 0.1, not {config.bus.stale_after}"))
    entries += _about_replays(config.replay)
    entries += _about_live(config.live, {replay.venue for replay in config.replay})
    for name in ("addresses", "metrics"):
        for number, network in enumerate(getattr(config.access, name)):
            if reason := _no_network(network):
                entries.append((f"access.{name}[{number}]", reason))
    for number, origin in enumerate(config.access.origins):
        if origin.count("/") != 2 or "://" not in origin or origin != origin.lower():
            entries.append(
                (
                    f"access.origins[{number}]",
                    f"must be https://host or https://host:port, not {origin!r}",
                )
            )
    if config.tls.self_signed and config.tls.certificate:
        entries.append(("tls.self_signed", "cannot be combined with tls.certificate"))
    if config.tls.key and not config.tls.certificate:
        entries.append(("tls.key", "needs tls.certificate"))
    return entries


def _about_replays(replays: tuple[Replay, ...]) -> list[tuple[str, str]]:
    entries, seen = [], set[str]()
    for number, replay in enumerate(replays):
        if replay.venue not in REGISTRY:
            venues = ", ".join(sorted(REGISTRY))
            entries.append(
                (f"replay[{number}].venue", f"unknown venue {replay.venue!r}: must be one of {venues}")
            )
        elif replay.venue in seen:
            entries.append((f"replay[{number}].venue", f"{replay.venue} is already served"))
        seen.add(replay.venue)
    return entries


def _about_live(live: tuple[Live, ...], seen: set[str]) -> list[tuple[str, str]]:
    entries = []
    for number, each in enumerate(live):
        key = f"live[{number}]"
        if each.venue not in REGISTRY:
            venues = ", ".join(sorted(REGISTRY))
            entries.append((f"{key}.venue", f"unknown venue {each.venue!r}: must be one of {venues}"))
        elif each.venue in seen:
            entries.append((f"{key}.venue", f"{each.venue} is already served"))
        if not each.instruments:
            entries.append((f"{key}.instruments", 'is empty: ["*"] means all'))
        try:
            check_bases(each.endpoints)
        except UsageError as error:
            entries.append((f"{key}.endpoints", str(error)))
        seen.add(each.venue)
    return entries


def _numbers(table: str, values: msgspec.Struct, may_be_zero: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    entries = []
    for name in values.__struct_fields__:
        value: Any = getattr(values, name)
        if value is None or (value == 0 and name in may_be_zero):
            continue
        if not 0 < value < float("inf"):
            entries.append((f"{table}.{name}", f"must be above 0, not {value}"))
        elif value > LARGEST:
            entries.append((f"{table}.{name}", f"must be at most {LARGEST}, not {value}"))
    return entries


def _no_network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError as error:
        return str(error)
    return ""
