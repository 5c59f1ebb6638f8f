"""Who stands beside an attacker: the longest that honest clients wait while somebody sends the worst that was found.

    python -m fuzz.bystander [--seconds 600] [--hold 30] [--seed 1] [--tls] [--worst build/fuzz-bystander-worst.json]

For `--seconds` attacks are invented, tried and bred by how long they hold up the honest clients; then the worst runs
for `--hold` seconds from one connection, and from three. The memory is bounded for one attacker at a time. The worst
attacks are kept in the file `--worst`, and the next run begins with them: `--seconds 0` tries only those again. The
server runs with its defaults: an attacker whose credits are used up is closed, and comes back.
"""

import argparse
import asyncio
import contextlib
import os
import ssl
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from deltawire.model.expiries import MONTHS
from fuzz.inventing import CURRENCIES, Inventor
from fuzz.requests import login
from fuzz.server import Served, serving, trust

HONEST = 10
"""Honest clients: each may ask twenty times a second."""
EVERY_S = 0.1
TRIAL_S = 0.6
ALONE_MS, THREE_MS, MEMORY = 100.0, 300.0, 200 * 1024 * 1024
KEPT = 12
FAMILIES = (
    "book.{}.raw",
    "book.{}.100ms",
    "book.{}.none.20.raw",
    "book.{}.1.10.100ms",
    "ticker.{}.raw",
    "trades.{}.raw",
    "ticker.{}.100ms",
    "quote.{}",
    "chart.trades.{}.1",
    "incremental_ticker.{}",
    "status.{}",
    "trades.{}.agg2",
    "imbalance.{}.100ms",
    "depth.{}.100ms",
    "prices.{}.100ms",
    "flow.{}.100ms",
    "alert.{}.thin.20.100ms",
)
SERIES = ("chain.{}.{}.1s", "surface.{}.1s", "skew.{}.1s", "gex.{}.1s")
"""Channels of a currency, some of them of an expiry."""


class Attack(NamedTuple):
    """Messages in their order, sent again and again from one connection."""

    messages: tuple[str, ...]
    signed_in: bool = False
    reads: bool = True
    packed: bool = False
    """With permessage-deflate."""


class Honest:
    """Clients that ask for the time, and how long they waited."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.attackers = ProcessPoolExecutor(3, initializer=os.nice, initargs=(19,))
        self.waits_ms: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect, each a little after the one before."""
        for number in range(HONEST):
            self._tasks.append(asyncio.create_task(self._ask(number * EVERY_S / HONEST)))

    async def _ask(self, delay_s: float) -> None:
        async with connect(
            self._served.address, ssl=trust(self._served.cafile), ping_interval=None
        ) as socket:
            await asyncio.sleep(delay_s)
            while True:
                started = time.perf_counter()
                await socket.send('{"id":1,"method":"public/get_time"}')
                await socket.recv()
                waited = time.perf_counter() - started
                self.waits_ms.append(waited * 1000)
                await asyncio.sleep(max(0.0, EVERY_S - waited))

    def take(self) -> list[float]:
        """The waits since the last call; raises what has ended a client."""
        for task in self._tasks:
            if task.done():
                task.result()
        waits, self.waits_ms = self.waits_ms, []
        return waits

    def stop(self) -> None:
        """No more."""
        for task in self._tasks:
            task.cancel()
        self.attackers.shutdown()


def strike(address: str, cafile: Path | None, sign_in: str, attack: Attack, seconds: float) -> None:
    """One attacker, in a process of its own: it must not hold up those who measure."""
    asyncio.run(_strike(address, trust(cafile), sign_in, attack, time.perf_counter() + seconds))


async def _strike(
    address: str, trusted: ssl.SSLContext | None, sign_in: str, attack: Attack, ends: float
) -> None:
    """Send, and come back when it is closed."""
    while time.perf_counter() < ends:
        with contextlib.suppress(ConnectionClosed, ConnectionError, InvalidHandshake, TimeoutError):
            async with connect(
                address,
                ssl=trusted,
                compression="deflate" if attack.packed else None,
                max_size=None,
                max_queue=None if attack.reads else 1,
                ping_interval=None,
                close_timeout=0.1,
            ) as socket:
                await _send(socket, sign_in, attack, ends)
        await asyncio.sleep(0.01)


async def _send(socket: ClientConnection, sign_in: str, attack: Attack, ends: float) -> None:
    if attack.signed_in:
        await socket.send(sign_in)
    reading = asyncio.create_task(_read(socket)) if attack.reads else None
    try:
        while time.perf_counter() < ends and not socket.transport.is_closing():
            for message in attack.messages:
                await asyncio.wait_for(socket.send(message), 1)
            await asyncio.sleep(0)
    finally:
        if reading is not None:
            reading.cancel()
        socket.transport.abort()


async def _read(socket: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass


async def measure(
    served: Served, honest: Honest, attack: Attack, seconds: float, attackers: int = 1
) -> list[float]:
    """The honest clients' waits while so many send this."""
    honest.take()
    loop, sign_in = asyncio.get_running_loop(), login(served.bot)
    await asyncio.gather(
        *(
            loop.run_in_executor(
                honest.attackers, strike, served.address, served.cafile, sign_in, attack, seconds
            )
            for _ in range(attackers)
        )
    )
    await asyncio.sleep(EVERY_S)
    return honest.take()


def percentile(values: list[float], which: int) -> float:
    """Of values in any order."""
    return statistics.quantiles(values, n=100, method="inclusive")[which - 1] if len(values) > 1 else 0.0


class Breeder:
    """Attacks, the worst of which are changed a little and tried again."""

    def __init__(self, seed: int, instruments: tuple[str, ...]) -> None:
        self.random = Random(seed)
        self.inventor = Inventor(seed, instruments)
        self.worst: list[tuple[float, Attack]] = []

    def next(self) -> Attack:
        """A new one, or a child of one that did much."""
        if self.worst and self.random.random() < 0.5:
            return self._child(self.random.choice(self.worst)[1])
        flags = [self.random.random() < chance for chance in (0.5, 0.7, 0.2)]
        return Attack(tuple(self._message() for _ in range(self.random.choice((1, 3, 10, 40)))), *flags)

    def learn(self, score: float, attack: Attack) -> None:
        """What one did."""
        self.worst = sorted([*self.worst, (score, attack)], key=lambda scored: -scored[0])[:KEPT]

    def save(self, path: Path) -> None:
        """Keep the worst for the next run."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self.worst), indent=1))

    def _child(self, attack: Attack) -> Attack:
        messages = list(attack.messages)
        for _ in range(self.random.randint(1, 3)):
            act = self.random.randrange(4)
            if act == 0 or not messages:
                messages.insert(self.random.randint(0, len(messages)), self._message())
            elif act == 1 and len(messages) > 1:
                del messages[self.random.randrange(len(messages))]
            elif act == 2:
                messages[self.random.randrange(len(messages))] = self._message()
            else:
                messages += messages[: max(0, 60 - len(messages))]
        flags = [flag ^ (self.random.random() < 0.1) for flag in attack[1:]]
        return Attack(tuple(messages), *flags)

    def _message(self) -> str:
        kind = self.random.random()
        if kind < 0.35:
            method = self.random.choice(("public/subscribe", "public/unsubscribe"))
            return _request(method, {"channels": self._names()} | self._paces())
        if kind < 0.4:
            return _request("public/unsubscribe_all", {})
        if kind < 0.5:
            return _request("public/subscribe", {"channels": self.inventor.channels(60)})
        if kind < 0.55:
            return " " * 250_000
        return self.inventor.request(1).decode("utf-8", "replace")

    def _names(self) -> list[str]:
        """Many channels: patterns that stand for hundreds, or hundreds of names."""
        pick = self.random
        if pick.random() < 0.5:
            texts = ("*", "BTC-*", "*-C", "*-P", f"*{pick.choice(MONTHS)}*", "ETH*", "*0-*", "*PERP*")
            return [
                pick.choice(FAMILIES).format(pick.choice(texts)) for _ in range(pick.choice((1, 5, 20, 97)))
            ]
        if pick.random() < 0.2:
            expiries = sorted(
                {name.split("-")[1] for name in self.inventor.instruments if name.count("-") == 3}
            )
            return [
                family.format(currency, expiry)
                for family in SERIES
                for currency in CURRENCIES[:3]
                for expiry in pick.sample(expiries, min(4, len(expiries)))
            ]
        families = pick.sample(FAMILIES, pick.randint(1, 4))
        names = pick.sample(self.inventor.instruments, min(300, len(self.inventor.instruments)))
        return [family.format(name) for family in families for name in names][:900]

    def _paces(self) -> dict[str, object]:
        pick = self.random
        more: dict[str, object] = {}
        if pick.random() < 0.2:
            more["depth"] = pick.randint(1, 1000)
        if pick.random() < 0.2:
            more["max_rate"] = pick.choice((0.1, 1, 10, 100))
        return more


def _request(method: str, params: dict[str, object]) -> str:
    return msgspec.json.encode({"id": 1, "method": method, "params": params}).decode()


async def instruments(served: Served) -> tuple[str, ...]:
    """The names that are there once the market is made."""
    async with connect(served.address, ssl=trust(served.cafile), max_size=None) as socket:
        for _ in range(100):
            found: list[str] = []
            for currency in CURRENCIES[:3]:
                await socket.send(_request("public/get_instruments", {"currency": currency}))
                found += [
                    each["instrument_name"] for each in msgspec.json.decode(await socket.recv())["result"]
                ]
            if len(found) > 100:
                return tuple(found)
            await asyncio.sleep(0.5)
    raise RuntimeError("no market was made")


async def search(served: Served, honest: Honest, breeder: Breeder, seconds: float) -> None:
    """Invent, try, breed."""
    ends, tried, said = time.perf_counter() + seconds, 0, time.perf_counter()
    while time.perf_counter() < ends:
        attack = breeder.next()
        waits = await measure(served, honest, attack, TRIAL_S)
        breeder.learn(max(waits, default=0.0), attack)
        tried += 1
        if time.perf_counter() - said > 15:
            said = time.perf_counter()
            print(
                f"{tried} attacks tried, the worst held somebody up for {breeder.worst[0][0]:.0f} ms;"
                f" server at {served.memory() >> 20} MiB (most {served.peak_memory() >> 20})",
                flush=True,
            )


def load(path: Path) -> list[Attack]:
    """The worst attacks of the runs before."""
    if not path.exists():
        return []
    return [attack for _, attack in msgspec.json.decode(path.read_bytes(), type=list[tuple[float, Attack]])]


async def retry(served: Served, honest: Honest, breeder: Breeder, attacks: list[Attack]) -> None:
    """Try attacks of the runs before again."""
    for attack in attacks:
        breeder.learn(max(await measure(served, honest, attack, TRIAL_S), default=0.0), attack)
    if attacks:
        print(
            f"{len(attacks)} attacks of before: the worst held somebody up for {breeder.worst[0][0]:.0f} ms"
        )


async def run(served: Served, seconds: float, hold: float, seed: int, kept: Path) -> bool:
    """Print what was found; whether it is within the bounds."""
    breeder = Breeder(seed, await instruments(served))
    honest = Honest(served)
    await honest.start()
    await asyncio.sleep(3)
    quiet = honest.take()
    print(f"alone: p50 {percentile(quiet, 50):.1f} ms, p99 {percentile(quiet, 99):.1f} ms")
    await retry(served, honest, breeder, load(kept))
    await search(served, honest, breeder, seconds)
    breeder.save(kept)
    good = True
    for attackers, bound, most in ((1, ALONE_MS, MEMORY), (3, THREE_MS, None)):
        worst = await _worst(served, honest, breeder, hold, attackers)
        peak = served.peak_memory()
        good = good and worst < bound and (most is None or peak < most)
        print(
            f"{attackers} attacker(s): worst p99 of the honest {worst:.1f} ms (bound {bound:.0f}),"
            f" most memory so far {peak / (1 << 20):.0f} MiB ({f'bound {most >> 20}' if most else 'no bound'})"
        )
    print(f"tracebacks {served.tracebacks()}")
    honest.stop()
    return good and not served.tracebacks()


async def _worst(served: Served, honest: Honest, breeder: Breeder, hold: float, attackers: int) -> float:
    """Of the attacks that did most, each alone for its share of the time."""
    found = 0.0
    for score, attack in breeder.worst[:3]:
        waits = await measure(served, honest, attack, hold / 3, attackers)
        p99 = percentile(waits, 99)
        if p99 >= found:
            print(
                f"  {attackers} × {_shown(attack)} (scored {score:.0f} ms): p99 {p99:.1f}, most {max(waits):.1f} ms"
            )
        found = max(found, p99)
    return found


def _shown(attack: Attack) -> str:
    kinds = ", ".join(message[:90] for message in attack.messages[:2])
    more = f" and {len(attack.messages) - 2} more" if len(attack.messages) > 2 else ""
    flags = [name for name, flag in zip(attack._fields[1:], attack[1:], strict=True) if flag]
    return f"[{kinds}{more}; {' '.join(flags) or 'plain'}]"


def main() -> None:
    """Exit code 1 when the honest waited too long, or the server took too much."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--hold", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tls", action="store_true", help="everybody connects over wss")
    parser.add_argument(
        "--log", type=Path, default=Path("build") / "fuzz-bystander.log", help="of the server"
    )
    parser.add_argument(
        "--worst",
        type=Path,
        default=Path("build") / "fuzz-bystander-worst.json",
        help="attacks to begin with",
    )
    options = parser.parse_args()
    options.log.parent.mkdir(exist_ok=True)
    with serving(log=options.log, tls=options.tls) as served:
        good = asyncio.run(run(served, options.seconds, options.hold, options.seed, options.worst))
    if not good:
        sys.exit(f"failed: see the bounds above, and {options.log}")


if __name__ == "__main__":
    main()
