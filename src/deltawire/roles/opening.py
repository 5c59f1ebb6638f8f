"""`deltawire.open`: one front door to servers, recordings and the built-in exchange."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext
from urllib.parse import parse_qsl

from deltawire.client.client import Login
from deltawire.client.connection import Connection
from deltawire.client.targets import Servers
from deltawire.errors import UsageError
from deltawire.recording import Recording
from deltawire.roles.exchange import BuiltinExchange, Setup
from deltawire.roles.gateway import App, WallClock
from deltawire.roles.in_process import InProcess, Pace, PacedSource
from deltawire.sources.replay import ReplaySource, play
from deltawire.venues import REGISTRY, make_venue

LIVE = "run `deltawire serve --venue NAME` and open its address (ws://…), or replay:, or sim:"
MS_NS, SECOND_NS = 1_000_000, 1_000_000_000


def open(
    where: str | Sequence[str],
    *,
    login: Login | None = None,
    proven: bool = False,
    binary: bool = True,
    compress: bool = False,
    ssl: SSLContext | None = None,
    cafile: str | Path | None = None,
    retry_for: float = 10.0,
) -> Connection:
    """Open data, wherever it comes from: `async with deltawire.open(where) as dw`.

    * `ws://desk:8080`, `wss://…` or `desk:8080`: a server. Several addresses, in a list or with commas between them,
      are tried in turn whenever a connection is lost. The first connection is tried for `retry_for` seconds; `login`,
      `proven`, `binary` (protobuf, where the server knows it), `compress`, `ssl` and `cafile` are those of `connect`.
    * `replay:FILE?venue=okx&from=2024-08-08T10:00&speed=10`: a recording, from a time on (UTC; its beginning if not
      given), so many times as fast as it was recorded (0, which is the default, as fast as it is read). It goes on only
      while somebody reads, begins with the first who does, and ends the iteration at its end.
    * `sim:seed=7&speed=1`: the built-in exchange with its simulated market, which starts empty and is gone afterwards.

    `UsageError` where this cannot be opened at all.
    """
    addresses = [part.strip() for part in where.split(",")] if isinstance(where, str) else list(where)
    scheme, separator, rest = (where if isinstance(where, str) else "".join(addresses[:1])).partition(":")
    if separator and scheme == "replay":
        return Connection(_replay(rest))
    if separator and scheme == "sim":
        return Connection(_Simulated(_options(rest, {"seed", "speed"})))
    if separator and not rest and scheme in _venue_names():
        raise UsageError(f"{scheme}: {LIVE}")
    servers = Servers(
        addresses, login=login, proven=proven, binary=binary, compress=compress, ssl=ssl, cafile=cafile
    )
    return Connection(servers, retry_for=retry_for)


def _venue_names() -> set[str]:
    return {name.partition("_")[0] for name in REGISTRY} | {*REGISTRY}


def _options(text: str, known: set[str]) -> dict[str, str]:
    """`a=1&b=2` as a dict; `UsageError` for names that are not known."""
    try:
        options = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
    except ValueError as error:
        raise UsageError(f"options are name=value, with & between them, not {text!r}") from error
    if unknown := options.keys() - known:
        raise UsageError(f"no option {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return options


def _number(options: dict[str, str], name: str, default: float) -> float:
    text = options.get(name, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"{name} is a number, not below 0, not {text!r}")
    return number


def _time_ns(text: str) -> int:
    """A time as ISO 8601 (UTC unless it says otherwise), or seconds, ms, µs or ns since 1970."""
    if text.isdigit():
        number = int(text)
        while number and number < 10**17:  # 1973 in nanoseconds, 5138 in seconds
            number *= 1000
        return number
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"from is a time such as 2024-08-08T10:00, not {text!r}") from error
    whole = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(whole.timestamp()) * SECOND_NS + whole.microsecond * 1000


def _replay(text: str) -> InProcess:
    path, _, query = text.partition("?")
    options = _options(query, {"venue", "from", "speed"})
    if "venue" not in options:
        raise UsageError(f"whose recording is it? replay:{path}?venue={next(iter(REGISTRY))}")
    recording = Recording(_file(Path(path)))
    recording.probe()
    name, speed = options["venue"], _number(options, "speed", 0.0)
    from_ns = _time_ns(options["from"]) if options.get("from") else 0
    pace = Pace()
    source = PacedSource(
        ReplaySource(recording, make_venue(name), WallClock(), speed=speed or None),
        pace,
        from_ns,
        rehearse=lambda: play(Recording(recording.path).records(), make_venue(name)),
    )
    return InProcess(App([source]), source=source, pace=pace)


def _file(path: Path) -> Path:
    """The recording at a path: itself, or the only file in a folder."""
    if not path.is_dir():
        return path
    files = sorted(each for each in path.iterdir() if each.is_file())
    if len(files) != 1:
        raise UsageError(f"{path} holds {len(files)} files: name the one to replay")
    return files[0]


class _Simulated(InProcess):
    """The built-in exchange in a folder that is gone afterwards."""

    def __init__(self, options: dict[str, str]) -> None:
        self._seed = int(_number(options, "seed", 1))
        self._speed = _number(options, "speed", 1.0)
        self._folder = tempfile.TemporaryDirectory(prefix="deltawire-sim-")
        self._builtin = BuiltinExchange(
            Path(self._folder.name), WallClock(), Setup(seed=self._seed), speed=self._speed
        )
        super().__init__(App([self._builtin.source], trading=self._builtin.service))

    async def close(self) -> None:
        """End everything."""
        await super().close()
        await self._builtin.drained()
        self._builtin.close()
        self._folder.cleanup()

    def __repr__(self) -> str:
        return f"sim:seed={self._seed}"
