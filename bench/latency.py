"""Latency of the built-in exchange through its WebSocket: an order to its answer, and to its public trade.

Orders go out on a schedule, whatever has come back, and each is timed from the moment it was due. Every one trades,
and every one is on disk before its answer; beside it stands what a bare fdatasync of the same file system takes.
"""

import asyncio
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from deltawire.store.certificates import SELF_SIGNED

NAME = "BTC-PERPETUAL"
PER_SECOND = 1_000
SECONDS, QUICK_SECONDS = int(os.environ.get("DELTAWIRE_SECONDS", "15")) // 3 + 1, 4
ROUNDS, QUICK_ROUNDS = 3, 1
MOST = 1.5
"""How many times what the slowest hundredth takes over ws it may take over wss."""
WARM_UP = 500
CREDITS = (
    "[credits]\nrefill = 1000000000\npool = 1000000000\n"
    "[exchange.open_orders]\nper_account = 1000000\nper_instrument = 1000000\n"
)
START_WITHIN_S = 20
LARGE = 5_000_000
SMALL = 10


class Times(NamedTuple):
    """Nanoseconds by order: when it was due, when its answer and its public trade were here."""

    due: dict[int, int]
    answered: dict[int, int]
    traded: dict[int, int]
    busy: list[float]
    """Seconds of processor time that the server took, the market of its own included."""

    def answers_ms(self) -> list[float]:
        """From when an order was due to its answer."""
        return [(self.answered[number] - due) / 1e6 for number, due in self.due.items()]

    def trades_ms(self) -> list[float]:
        """The same to its public trade; of those that came."""
        return [
            (self.traded[number] - due) / 1e6 for number, due in self.due.items() if number in self.traded
        ]


def main(*, quick: bool) -> None:
    """Print p50 and p99, over ws and over wss in turn."""
    seconds = QUICK_SECONDS if quick else SECONDS
    runs: dict[str, list[Times]] = {"ws": [], "wss": []}
    with tempfile.TemporaryDirectory() as folder:
        disk = bare_sync(Path(folder))
        for number in range(QUICK_ROUNDS if quick else ROUNDS):
            for scheme, times in runs.items():
                home = Path(folder) / f"{scheme}{number}"
                home.mkdir()
                times.append(measured(home, seconds, secure=scheme == "wss"))
    print(
        f"latency: {PER_SECOND:,} orders/s over one WebSocket, each journalled before its answer; "
        f"{len(runs['ws'])} rounds of {seconds} s of each in turn"
    )
    print(line("bare fdatasync", disk))
    for scheme, times in runs.items():
        report(scheme, times)
    plain, secure = (
        statistics.median(percentile(times.answers_ms(), 99) for times in runs[scheme]) for scheme in runs
    )
    print(
        f"  order to answer, p99, median of rounds: {plain:.2f} and {secure:.2f} ms, {secure / plain:.2f} ×, "
        f"bar {MOST}: {'met' if secure <= MOST * plain else 'missed'}"
    )
    print(f"  load of this machine {os.getloadavg()[0]:.1f}")


def report(scheme: str, rounds: list[Times]) -> None:
    """What one scheme's rounds gave."""
    trades = [each for times in rounds for each in times.trades_ms()]
    lost = sum(len(times.due) for times in rounds) - len(trades)
    print(line(f"{scheme:<4} order to answer", all_answers(rounds)))
    print(line(f"{scheme:<4} order to public trade", trades) + (f"   {lost} never came" if lost else ""))
    orders = sum(len(times.due) + WARM_UP for times in rounds)
    share = sum(sum(times.busy) for times in rounds) / orders * PER_SECOND
    print(f"  {scheme:<4} server: {share:.0%} of a core, its own market included")


def line(what: str, values_ms: list[float]) -> str:
    """Two percentiles."""
    return f"  {what:<27} p50 {percentile(values_ms, 50):7.2f} ms   p99 {percentile(values_ms, 99):7.2f} ms"


def all_answers(rounds: list[Times]) -> list[float]:
    """Of all rounds together."""
    return [each for times in rounds for each in times.answers_ms()]


def bare_sync(folder: Path) -> list[float]:
    """Milliseconds that writing and syncing a small batch takes."""
    handle = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    found = []
    for _ in range(300):
        started = time.perf_counter_ns()
        os.write(handle, b"x" * 400)
        os.fdatasync(handle)
        found.append((time.perf_counter_ns() - started) / 1e6)
    os.close(handle)
    return found


def percentile(values: list[float], which: int) -> float:
    """Of values in any order."""
    return statistics.quantiles(values, n=100, method="inclusive")[which - 1] if len(values) > 1 else 0.0


def measured(home: Path, seconds: int, *, secure: bool) -> Times:
    """Against a server of our own."""
    config = home / "config.toml"
    config.write_text(CREDITS)
    environment = os.environ | {"DELTAWIRE_HOME": str(home)}
    command = [sys.executable, "-m", "deltawire", "serve", "--port", "0", "--config", str(config)]
    if secure:
        command.append("--self-signed")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            address = wait_for_address(server)
            keys = [add_account(name, environment) for name in ("maker", "taker")]
            context = ssl.create_default_context(cafile=home / SELF_SIGNED) if secure else None
            return asyncio.run(
                run(partial(connect, address, ssl=context), server.pid, *keys, seconds=seconds)
            )
        finally:
            server.terminate()


def busy_s(process: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_address(server: "subprocess.Popen[str]") -> str:
    """What it prints when it listens."""
    assert server.stdout is not None
    for line in server.stdout:
        if "WebSocket" in line:
            return line.split()[-1]
    raise RuntimeError("the server did not start")


def add_account(name: str, environment: dict[str, str]) -> dict[str, str]:
    """An account with a hundred bitcoins."""
    command = [sys.executable, "-m", "deltawire", "account", "add", name, "--deposit", "BTC=100", "--json"]
    found: dict[str, str] = json.loads(subprocess.check_output(command, env=environment))
    return found


async def run(
    dial: Callable[[], connect], server: int, maker: dict[str, str], taker: dict[str, str], *, seconds: int
) -> Times:
    """A maker's two large quotes, a taker's small orders against them, and a listener."""
    async with dial() as making, dial() as taking, dial() as listening:
        await sign_in(making, maker)
        await sign_in(taking, taker)
        await quote(making)
        await call(listening, "public/subscribe", channels=[f"trades.{NAME}.raw"])
        times, trades = Times({}, {}, {}, []), dict[str, int]()
        count = seconds * PER_SECOND
        hearing = asyncio.create_task(hear(listening, trades))
        answering = asyncio.create_task(answers(taking, times, trades, count + WARM_UP))
        before = busy_s(server)
        await send(taking, times, count + WARM_UP)
        await asyncio.wait_for(answering, 60)
        times.busy.append(busy_s(server) - before)
        await asyncio.sleep(1)
        hearing.cancel()
        for number, trade_id in answering.result().items():
            if trade_id in trades:
                times.traded[number] = trades[trade_id]
        for number in range(WARM_UP):
            times.due.pop(number, None)
        return times


async def send(socket: ClientConnection, times: Times, count: int) -> None:
    """One order every millisecond, due or not; buys and sells in turn."""
    begin = time.perf_counter_ns()
    for number in range(count):
        due = begin + number * 1_000_000_000 // PER_SECOND
        if (ahead := due - time.perf_counter_ns()) > 0:
            await asyncio.sleep(ahead / 1e9)
        times.due[number] = max(due, begin)
        side = "buy" if number % 2 else "sell"
        params = {"instrument_name": NAME, "amount": SMALL, "type": "market"}
        await socket.send(request(f"private/{side}", number, params))


async def answers(
    socket: ClientConnection, times: Times, trades: dict[str, int], count: int
) -> dict[int, str]:
    """The trade of each order, by its number."""
    found: dict[int, str] = {}
    while len(found) < count:
        message = msgspec.json.decode(await socket.recv())
        now = time.perf_counter_ns()
        if "error" in message:
            raise RuntimeError(message["error"])
        times.answered[message["id"]] = now
        own = message["result"]["trades"]
        found[message["id"]] = own[0]["trade_id"] if own else ""
    return found


async def hear(socket: ClientConnection, trades: dict[str, int]) -> None:
    """When each public trade was here."""
    while True:
        message = msgspec.json.decode(await socket.recv())
        now = time.perf_counter_ns()
        for trade in message["params"]["data"]:
            trades[trade["trade_id"]] = now


async def sign_in(socket: ClientConnection, key: dict[str, str]) -> None:
    """As the account; it may take the server a moment to know it."""
    grant = {"grant_type": "client_credentials"} | {
        name: key[name] for name in ("client_id", "client_secret")
    }
    for _ in range(START_WITHIN_S * 5):
        await asyncio.sleep(0.2)
        if "result" in await call(socket, "public/auth", **grant):
            answer = await call(socket, "private/get_account_summary", currency="BTC")
            if answer.get("result", {}).get("balance"):
                return
    raise RuntimeError("the account did not come")


async def quote(socket: ClientConnection) -> None:
    """Sizes that the taker cannot use up, a little inside everybody else's."""
    ticker = (await call(socket, "public/ticker", instrument_name=NAME))["result"]
    middle = round(ticker["mark_price"])
    for side, price in (("buy", middle - 0.5), ("sell", middle + 0.5)):
        params = {"instrument_name": NAME, "amount": LARGE, "price": price}
        answer = await call(socket, f"private/{side}", **params)
        assert "result" in answer, answer


async def call(socket: ClientConnection, method: str, **params: Any) -> Any:
    """One request and its answer."""
    await socket.send(request(method, 0, params))
    return msgspec.json.decode(await socket.recv())


def request(method: str, number: int, params: dict[str, Any]) -> str:
    """A request's text."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
