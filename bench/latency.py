"""Latency of the built-in exchange through its WebSocket: an order to its answer, and to its public trade.

Orders go out on a schedule, whatever has come back, and each is timed from the moment it was due. Every one trades,
and every one is on disk before its answer; beside it stands what a bare fdatasync of the same file system takes.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from websockets.asyncio.client import ClientConnection, connect

NAME = "BTC-PERPETUAL"
PER_SECOND = 1_000
SECONDS, QUICK_SECONDS = 15, 4
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


def main(*, quick: bool) -> None:
    """Print p50 and p99."""
    seconds = QUICK_SECONDS if quick else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        disk = bare_sync(home)
        times = measured(home, seconds)
    print(
        f"latency: {PER_SECOND:,} orders/s for {seconds} s over one WebSocket, each journalled before its answer"
    )
    print(
        f"  bare fdatasync              p50 {percentile(disk, 50):7.2f} ms   p99 {percentile(disk, 99):7.2f} ms"
    )
    for what, got in (("order to answer", times.answered), ("order to public trade", times.traded)):
        found = [(got[number] - due) / 1e6 for number, due in times.due.items() if number in got]
        lost = len(times.due) - len(found)
        line = f"  {what:<27} p50 {percentile(found, 50):7.2f} ms   p99 {percentile(found, 99):7.2f} ms"
        print(line + (f"   {lost} never came" if lost else ""))
    share = sum(times.busy) / (len(times.due) + WARM_UP) * PER_SECOND
    print(
        f"  server: {share:.0%} of a core, its own market included; load of this machine {os.getloadavg()[0]:.1f}"
    )


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


def measured(home: Path, seconds: int) -> Times:
    """Against a server of our own."""
    config = home / "config.toml"
    config.write_text(CREDITS)
    environment = os.environ | {"DELTAWIRE_HOME": str(home)}
    command = [sys.executable, "-m", "deltawire", "serve", "--port", "0", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            address = wait_for_address(server)
            keys = [add_account(name, environment) for name in ("maker", "taker")]
            return asyncio.run(run(address, server.pid, *keys, seconds=seconds))
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
    address: str, server: int, maker: dict[str, str], taker: dict[str, str], *, seconds: int
) -> Times:
    """A maker's two large quotes, a taker's small orders against them, and a listener."""
    async with connect(address) as making, connect(address) as taking, connect(address) as listening:
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
