"""Orders in Python: typed, exact, and each placed once, whatever becomes of the answer."""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path

import pytest

import deltawire
from deltawire.client import Connection, Login
from deltawire.errors import FeedError, OutcomeUnknown, RequestError, UsageError
from deltawire.session.account_items import AccountChanges, Balance, Order, UserTrade
from tests.support.effort import examples
from tests.support.served_exchange import Account, ServedExchange, serving_exchange
from tests.support.serving import Served
from tests.support.waiting import HANG_S

NAME = "BTC-PERPETUAL"
SOON = HANG_S


@pytest.fixture(scope="module", params=["ws", "wss"])
def secure(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "wss")


@pytest.fixture(scope="module")
def exchange(secure: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    options = ["--self-signed"] if secure else []
    with serving_exchange(tmp_path_factory.mktemp("home"), *options) as served:
        yield served


@pytest.fixture(scope="module")
def account(exchange: ServedExchange) -> Account:
    return exchange.add_account("bot", "BTC=100")


def opened(exchange: ServedExchange, account: Account, host: str = "", **more: float) -> Connection:
    secure = exchange.certificate.exists()
    address = f"{'wss' if secure else 'ws'}://{host or exchange.host}"
    login = Login(account.client_id, account.client_secret)
    return deltawire.open(
        address,
        login=login,
        cafile=exchange.certificate if secure else None,
        **more,  # type: ignore[arg-type]
    )


async def test_orders_are_values_with_exact_numbers(exchange: ServedExchange, account: Account) -> None:
    low, high = Decimal(exchange.price(0.9)), Decimal(exchange.price(1.1))
    async with opened(exchange, account) as dw:
        order = await dw.buy(NAME, 100, low, post_only=True)
        assert (order.state, order.price, order.amount, order.side) == ("open", low, Decimal(100), "buy")
        assert order.open
        assert order.label.startswith("dw-")
        assert await dw.orders() == await dw.orders(NAME) == [order]
        edited = await dw.edit(order, amount="120", price=float(low) + 1)
        assert (edited.order_id, edited.price, edited.amount) == (order.order_id, low + 1, Decimal(120))
        assert await dw.order(order.order_id) == edited
        gone = await dw.cancel(edited)
        assert (gone.state, gone.open, await dw.cancel(order.order_id)) == ("cancelled", False, gone)
        asks = [await dw.sell(NAME, 10, high + level, label=f"ask {level}") for level in range(3)]
        assert [ask.label for ask in asks] == ["ask 0", "ask 1", "ask 2"]
        assert await dw.cancel_all(label="ask 1") == 1
        assert await dw.cancel_all(NAME) == 2
        assert await dw.cancel_all() == 0


async def test_a_market_order_has_its_trades_and_makes_a_position(
    exchange: ServedExchange, account: Account
) -> None:
    async with opened(exchange, account) as dw:
        order = await dw.buy(NAME, Decimal(50))
        assert (order.type, order.state, order.filled) == ("market", "filled", Decimal(50))
        assert sum(trade.amount for trade in order.trades) == 50
        (position,) = await dw.positions()
        assert (position.instrument_name, position.size) == (NAME, Decimal(50))
        assert (await dw.user_trades(NAME))[0] in order.trades
        assert (await dw.sell(NAME, 50, reduce_only=True)).state == "filled"
        assert await dw.positions(currency="BTC") == []
        balance = await dw.balance("BTC")
        assert balance.currency == "BTC"
        assert Decimal(99) < balance.balance < 101
        assert (await dw.balances())["BTC"].equity > 99


async def test_what_is_refused_is_raised_and_a_label_is_of_one_order(
    exchange: ServedExchange, account: Account
) -> None:
    low = exchange.price(0.9)
    async with opened(exchange, account) as dw:
        with pytest.raises(RequestError, match="10002 qty_too_low"):
            await dw.buy(NAME, 5, low)
        with pytest.raises(UsageError, match="amount must be a number, not 'ten'"):
            await dw.buy(NAME, "ten", low)
        with pytest.raises(UsageError, match="price must be a number, not nan"):
            await dw.buy(NAME, 10, float("nan"))
        first = await dw.buy(NAME, 10, low, label="one")
        assert await dw.buy(NAME, 10, low, label="one") == first
        with pytest.raises(UsageError, match="the label one is that of another order"):
            await dw.sell(NAME, 10, low, label="one")
        other = await dw.buy(NAME, 10, low, label="one", unique_label=False)
        assert other.order_id != first.order_id
        assert await dw.cancel_all() == 2
        with pytest.raises(UsageError, match="not both"):
            await dw.cancel_all(NAME, label="one")


async def test_handlers_get_own_trades_as_values(exchange: ServedExchange, account: Account) -> None:
    found: asyncio.Queue[object] = asyncio.Queue()
    errors: list[Exception] = []

    def handler(item: object) -> None:
        found.put_nowait(item)
        raise ValueError(str(type(item)))

    async with asyncio.timeout(SOON), opened(exchange, account) as dw:
        await dw.on("user.trades.any.any.raw", handler, f"user.orders.{NAME}.raw", error=errors.append)
        order = await dw.buy(NAME, 10)
        items = [await found.get()]
        while not isinstance(items[-1], UserTrade):
            items.append(await found.get())
        assert items[-1] in order.trades
        await dw.sell(NAME, 10)
        while not any(isinstance(item, Order) and item.side == "sell" for item in items):
            items.append(await found.get())
    assert len(errors) == len(items)
    assert str(errors[0]).startswith("<class")


async def test_changes_and_balances_are_values(exchange: ServedExchange, account: Account) -> None:
    async with asyncio.timeout(SOON), opened(exchange, account) as dw:
        sub = await dw.subscribe(f"user.changes.{NAME}.raw", "user.portfolio.btc")
        order = await dw.buy(NAME, 20)
        changes, balances = list[AccountChanges](), list[Balance]()
        async for item in sub:
            assert isinstance(item, AccountChanges | Balance), item
            (changes if isinstance(item, AccountChanges) else balances).append(item)
            if balances and balances[-1].initial_margin and changes and changes[-1].trades:
                break
        assert {trade for each in changes for trade in each.trades} == set(order.trades)
        assert changes[-1].position is not None
        assert (changes[-1].instrument_name, changes[-1].position.size) == (NAME, Decimal(20))
        assert changes[-1].orders[-1].filled == Decimal(20)
        assert balances[-1].currency == "BTC"
        assert Decimal(99) < balances[-1].balance < 101
        await dw.sell(NAME, 20, reduce_only=True)
        async for item in sub:
            if isinstance(item, AccountChanges) and item.trades:
                break
        assert isinstance(item, AccountChanges)
        assert item.position is None


async def test_an_exception_of_a_handler_is_raised_where_nobody_else_wants_it(
    exchange: ServedExchange, account: Account
) -> None:
    async def handler(item: object) -> None:
        raise ValueError("of mine")

    async with asyncio.timeout(SOON), opened(exchange, account) as dw:
        listener = await dw.on(f"book.{NAME}.raw", handler)
        with pytest.raises(ValueError, match="of mine"):
            await listener.wait()

    async def block() -> None:
        async with asyncio.timeout(SOON), opened(exchange, account) as dw:
            listener = await dw.on(f"book.{NAME}.raw", handler)
            await asyncio.wait([listener._task])

    with pytest.raises(ValueError, match="of mine"):
        await block()


class CuttingProxy:
    """Passes bytes both ways, and breaks a connection at random: before a request goes out, or before its answer."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._random = random.Random(seed)
        self.armed = False
        self.cuts = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            passing = [self._pass(reader, ours, "out"), self._pass(theirs, writer, "back")]
            tasks = [asyncio.ensure_future(each) for each in passing]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for end in (ours, writer):
            end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        while data := await reader.read(1 << 16):
            if self.armed and self._random.random() < (0.35 if way == "out" else 0.7):
                self.armed = False
                self.cuts += 1
                if way == "out" and self._random.random() < 0.5:  # half a request, or all of it
                    writer.write(data[: self._random.randint(0, len(data))])
                    await writer.drain()
                return
            writer.write(data)
            await writer.drain()


async def place(dw: Connection, low: float, label: str) -> Order:
    """An order, as a program that must have it places it."""
    while True:
        try:
            return await dw.buy(NAME, 10, low, label=label, post_only=True)
        except RequestError as error:
            if "no instrument" not in str(error):  # it has just started, and is listing them
                raise
            await asyncio.sleep(0.05)
        except FeedError as error:
            if not (error.retry or isinstance(error, OutcomeUnknown)):
                raise


@pytest.mark.parametrize("seed", range(2))
async def test_every_order_is_placed_once_though_connections_break_before_its_answer(
    exchange: ServedExchange, account: Account, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltawire.client.trading.ASK_FOR_S", 0.3)
    monkeypatch.setattr("deltawire.client.connection.FIRST_WAIT_S", 0.01)
    low = exchange.price(0.8)
    proxy = CuttingProxy(int(exchange.host.rpartition(":")[2]), seed)
    labels = [f"{seed} {number}" for number in range(examples(12))]
    async with asyncio.timeout(SOON), proxy.running() as host:
        async with opened(exchange, account, host, retry_for=SOON) as dw:
            for label in labels:
                proxy.armed = True
                order = await place(dw, low, label)
                assert (order.label, order.open) == (label, True)
            proxy.armed = False
        assert proxy.cuts > len(labels) // 4
        async with opened(exchange, account) as dw:
            counts = Counter(order.label for order in await dw.orders(NAME))
            assert counts == dict.fromkeys(labels, 1)
            assert await dw.cancel_all() == len(labels)


class KilledServer:
    """The exchange as a process that is killed without a word, and started again on its journal and its port."""

    def __init__(self, home: Path, options: list[str]) -> None:
        self._home = home
        self._options = options
        self._port = "0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it; returns where it answers, without a scheme."""
        command = [sys.executable, "-m", "deltawire", "serve", "--port", self._port, *self._options]
        command += ["--config", str(self._home / "config.toml")]
        environment = os.environ | {"DELTAWIRE_HOME": str(self._home)}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        assert self._process.stdout is not None
        lines = iter(self._process.stdout.readline, "")
        address = next(line for line in lines if line.strip().startswith("HTTP ")).split()[-1]
        host = address.partition("://")[2].partition("/")[0]
        self._port = host.rpartition(":")[2]
        return host

    def kill(self) -> None:
        """Kill it."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()


async def test_every_order_is_placed_once_though_the_server_is_killed(secure: bool, tmp_path: Path) -> None:
    seeded, server = random.Random(5), KilledServer(tmp_path, ["--self-signed"] if secure else [])
    with serving_exchange(tmp_path, *(["--self-signed"] if secure else [])) as first:
        account, low = first.add_account("bot", "BTC=100"), first.price(0.8)
    host = await asyncio.to_thread(server.start)
    exchange = ServedExchange(Served("", f"http://{host}"), tmp_path)
    labels: list[str] = []

    async def trade(dw: Connection) -> None:
        while True:
            labels.append(f"order {len(labels)}")
            await place(dw, low, labels[-1])

    try:
        async with asyncio.timeout(3 * SOON), opened(exchange, account, retry_for=SOON) as dw:
            trading = asyncio.ensure_future(trade(dw))
            for _ in range(examples(1)):
                target = len(labels) + seeded.randint(3, 20)
                while len(labels) < target:
                    assert not trading.done(), trading.exception()
                    await asyncio.sleep(0.001)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            target = len(labels) + 2
            while len(labels) < target:
                assert not trading.done(), trading.exception()
                await asyncio.sleep(0.001)
            trading.cancel()
            await asyncio.wait([trading])
            counts = Counter(order.label for order in await dw.orders())
            assert {*counts.values()} == {1}
            assert {*labels[:-1]} <= counts.keys() <= {*labels}
    finally:
        server.kill()
