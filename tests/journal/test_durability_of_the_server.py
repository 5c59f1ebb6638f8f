"""The server as a user runs it, killed and cut off from power under 1,000 orders a second over its WebSocket.

`make durability` does it twenty times each.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from deltawire.access.keys import Key
from deltawire.access.scopes import EVERYTHING
from deltawire.store.accounts import AccountStore
from deltawire.store.keys import KeyStore
from tests.journal.dark_server import SURVIVORS
from tests.support.waiting import HANG_S

ROUNDS = int(os.environ.get("DELTAWIRE_DURABILITY", "2"))
PER_SECOND = 1000
"""At most: a machine that is slower sees fewer."""
ANSWERS = range(200, 700)
"""How many answers a round waits for before it ends."""
AHEAD = 150
"""How many orders may have no answer yet."""
BURST = 60
ROOT = Path(__file__).resolve().parents[2]
BOT = Key("bot-id", "hmac", "s3cret-of-the-bot", "bot", EVERYTHING)
NAME = "BTC-PERPETUAL"
CREDITS = (
    "[credits]\nrefill = 1000000000\npool = 1000000000\n"
    "[exchange.open_orders]\nper_account = 1000000\nper_instrument = 1000000\n"
)
Server = subprocess.Popen[bytes]


class Bot:
    """What it asked, and what it was answered, over all its connections."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.asked: list[str] = []
        self.answered: set[str] = set()
        self.found = 0
        """How many orders there were when last checked."""

    async def trade(self, socket: ClientConnection, stop: Callable[[], None]) -> None:
        """Order until enough is answered, have the server stopped amid a burst, and read what it still said."""
        price = await resting_price(socket)
        loop, labels = asyncio.get_running_loop(), dict[int, str]()
        listening = asyncio.create_task(self._listen(socket, labels))
        before, wanted, started = len(self.answered), self.random.choice(ANSWERS), loop.time()
        async with asyncio.timeout(HANG_S):
            while (answered := len(self.answered) - before) < wanted:
                while len(labels) < min((loop.time() - started) * PER_SECOND, answered + AHEAD):
                    await self._order(socket, price, labels)
                await asyncio.sleep(0.001)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(self.random.randrange(BURST)):
                await self._order(socket, price, labels)
        time.sleep(self.random.uniform(0, 0.005))  # noqa: ASYNC251  # the server works, the bot reads nothing
        stop()
        await listening

    async def _order(self, socket: ClientConnection, price: float, labels: dict[int, str]) -> None:
        label = f"order-{len(self.asked)}"
        self.asked.append(label)
        labels[len(self.asked)] = label
        order = {"instrument_name": NAME, "amount": 10, "price": price, "label": label}
        await socket.send(request(len(self.asked), "private/buy", order))

    async def _listen(self, socket: ClientConnection, labels: dict[int, str]) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                answer = msgspec.json.decode(message)
                assert answer["result"]["order"]["label"] == labels[answer["id"]]
                self.answered.add(labels[answer["id"]])

    async def check(self, socket: ClientConnection) -> None:
        """What was answered is there once; what was not, a label resolves: once, or not at all."""
        orders = await call(socket, "private/get_open_orders_by_currency", currency="BTC")
        found = Counter(order["label"] for order in orders)
        assert not self.answered - set(found), "acknowledged orders are lost"
        assert set(found) <= set(self.asked)
        assert set(found.values()) <= {1}, "an order is there twice"
        assert len({order["order_id"] for order in orders}) == len(orders)
        self.found = len(orders)
        left = [label for label in self.asked if label not in self.answered]
        for label in left:  # sent at once: an answer each would be a turn of the market each
            params = {"currency": "BTC", "label": label}
            await socket.send(request(0, "private/get_order_state_by_label", params))
        for label in left:
            told = await answer_of(socket, "private/get_order_state_by_label")
            assert [order["label"] for order in told] == [label] * found[label]


async def test_answered_orders_survive_sigkill(tmp_path: Path) -> None:
    await survive(tmp_path, Bot(21), "deltawire", lambda server: server.kill())


async def test_answered_orders_survive_a_power_cut(tmp_path: Path) -> None:
    random = Random(22)

    def cut(server: Server) -> None:
        assert server.stdin is not None
        server.stdin.write(b"%d\n" % random.randrange(1 << 30))
        server.stdin.flush()

    await survive(tmp_path, Bot(23), "tests.journal.dark_server", cut)


async def survive(home: Path, bot: Bot, module: str, stop: Callable[[Server], None]) -> None:
    """So many rounds of trading until the server is stopped; after each start everything is checked."""
    AccountStore(home).add(BOT.account, {"BTC": 1000 * 10**8})
    KeyStore(home).add(BOT)
    (home / "config.toml").write_text(CREDITS)
    for _ in range(ROUNDS):
        async with running(home, module) as (server, socket):
            await bot.check(socket)
            await bot.trade(socket, lambda server=server: stop(server))  # type: ignore[misc]
            await asyncio.to_thread(server.wait, HANG_S)
        put_back(home)
    async with running(home, module) as (_, socket):
        await bot.check(socket)
    asked, answered = len(bot.asked), len(bot.answered)
    print(
        f"{ROUNDS} times: {asked} orders sent, {answered} answered and there once; of the {asked - answered} without "
        f"an answer {bot.found - answered} are there, as their labels say"
    )
    assert len(bot.answered) >= ROUNDS * ANSWERS.start


@asynccontextmanager
async def running(home: Path, module: str) -> AsyncIterator[tuple[Server, ClientConnection]]:
    """A server, and a connection of the bot's to it."""
    command = [sys.executable, "-m", module, "serve", "--port", "0", "--config", str(home / "config.toml")]
    with subprocess.Popen(  # noqa: ASYNC220
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"DELTAWIRE_HOME": str(home)},
    ) as server:
        try:
            address = await asyncio.wait_for(asyncio.to_thread(wait_for_address, server), HANG_S)
            async with connect(address, compression=None, max_size=None) as socket:
                await sign_in(socket)
                yield server, socket
        finally:
            server.kill()
            with contextlib.suppress(BrokenPipeError):
                server.communicate()


def wait_for_address(server: Server) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        if b"WebSocket" in line:
            return line.split()[-1].decode()
    raise AssertionError("the server did not start; its standard error says why")


def put_back(home: Path) -> None:
    """What survived a power cut is the journal now."""
    if (home / SURVIVORS).exists():
        shutil.rmtree(home / "journal")
        (home / SURVIVORS).rename(home / "journal")


async def sign_in(socket: ClientConnection) -> None:
    """Once the account has its money, and the instrument a price."""
    login = {"grant_type": "client_credentials", "client_id": BOT.client_id, "client_secret": BOT.secret}
    await call(socket, "public/auth", **login)
    async with asyncio.timeout(HANG_S):
        funded = False
        while not funded:
            summary = await call(socket, "private/get_account_summary", currency="BTC")
            funded = bool(summary["balance"]) and await resting_price(socket) > 0


async def resting_price(socket: ClientConnection) -> float:
    """One at which nobody sells; 0 while there is none."""
    await socket.send(request(0, "public/ticker", {"instrument_name": NAME}))
    answer = msgspec.json.decode(await socket.recv()).get("result", {})
    return float(round((answer.get("mark_price") or 0) * 0.99))


async def call(socket: ClientConnection, method: str, **params: Any) -> Any:
    await socket.send(request(0, method, params))
    return await answer_of(socket, method)


async def answer_of(socket: ClientConnection, method: str) -> Any:
    """The result of the next answer; an error fails the test."""
    answer = msgspec.json.decode(await socket.recv())
    if "error" in answer:
        pytest.fail(f"{method}: {answer['error']}")
    return answer["result"]


def request(number: int, method: str, params: dict[str, Any]) -> str:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).decode()
