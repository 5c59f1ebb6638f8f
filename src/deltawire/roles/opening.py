"""`deltawire.open`: one front door to servers, recordings and the built-in exchange."""

import asyncio
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from os.path import isdir
from pathlib import Path
from ssl import SSLContext
from urllib.parse import parse_qsl

from deltawire.access.keys import Key
from deltawire.access.scopes import EVERYTHING
from deltawire.client.client import Login
from deltawire.client.connection import Connection
from deltawire.client.targets import Servers
from deltawire.errors import UsageError
from deltawire.ports import Batch
from deltawire.recording.entry import parse_time
from deltawire.roles.exchange import BuiltinExchange, Setup
from deltawire.roles.gateway import TIMER_S, App, WallClock
from deltawire.roles.in_process import InProcess, Pace, PacedSource
from deltawire.sources.recorded import Playing, connections_at, sources_at
from deltawire.sources.replay import Played, play_together
from deltawire.store.accounts import AccountStore
from deltawire.store.keys import KeyStore
from deltawire.venues import REGISTRY, make_venue

ACCOUNT = "me"
DEPOSITS = {"BTC": 10 * 10**8, "ETH": 100 * 10**8, "USDC": 100_000 * 10**8}
"""What the account of a simulation begins with, in 1e-8."""
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
    * `sim:seed=7&speed=1`: the built-in exchange with its simulated market, which starts empty and is gone
      afterwards. You are signed in to an account with 10 BTC, 100 ETH and 100,000 USDC.

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


def parse_time_ns(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise UsageError(f"from is a time such as 2024-08-08T10:00, not {text!r}") from error


def _replay(text: str) -> InProcess:
    path, _, query = text.partition("?")
    options = _options(query, {"venue", "from", "speed"})
    venue, speed = options.get("venue", ""), _number(options, "speed", 0.0)
    from_ns = parse_time_ns(options["from"]) if options.get("from") else 0
    if not venue and not isdir(path):
        raise UsageError(f"whose recording is it? replay:{path}?venue={next(iter(REGISTRY))}")
    playing = Playing(speed or None, from_ns=from_ns)
    found = sources_at(path, WallClock(), venue=venue, playing=playing)
    if len(found) > 1:
        names = ", ".join(source.venue for source in found)
        raise UsageError(f"{path} is of {names}: add venue=NAME for one of them, or `deltawire replay` it")
    pace = Pace()
    source = PacedSource(found[0], pace, from_ns, rehearse=lambda: _rehearsed(path, venue))
    return InProcess(App([source]), source=source, pace=pace)


def _rehearsed(path: str, venue: str) -> Iterator[Batch]:
    """The same from its beginning."""
    pairs = [Played(each.recording, make_venue(each.venue)) for each in connections_at(path, venue)]
    return play_together(pairs)


class _Simulated(InProcess):
    """The built-in exchange in a folder that is gone afterwards, with one funded account on it."""

    def __init__(self, options: dict[str, str]) -> None:
        self._seed = int(_number(options, "seed", 1))
        self._speed = _number(options, "speed", 1.0)
        self._folder = tempfile.TemporaryDirectory(prefix="deltawire-sim-")
        folder = Path(self._folder.name)
        self._account = AccountStore(folder).add(ACCOUNT, DEPOSITS)
        keys, key = KeyStore(folder), Key("sim", "hmac", secrets.token_urlsafe(), ACCOUNT, EVERYTHING)
        keys.add(key)
        self._builtin = BuiltinExchange(folder, WallClock(), Setup(seed=self._seed), speed=self._speed)
        super().__init__(
            App([self._builtin.source], keys=keys, trading=self._builtin.service),
            login=Login(key.client_id, key.secret),
        )

    async def start(self) -> None:
        """Begin, and wait for the account's deposits."""
        await super().start()
        accounts = self._builtin.service.accounts.ledger.accounts

        def funded() -> bool:
            account = accounts.get(self._account.number)
            return account is not None and account.wallets.keys() >= DEPOSITS.keys()

        while not funded():  # noqa: ASYNC110 (accounts tell nobody)
            await asyncio.sleep(TIMER_S)

    async def close(self) -> None:
        """End everything."""
        await super().close()
        await self._builtin.drained()
        self._builtin.close()
        self._folder.cleanup()

    def __repr__(self) -> str:
        return f"sim:seed={self._seed}"
