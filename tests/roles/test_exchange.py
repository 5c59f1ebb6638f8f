"""The built-in exchange from its parts, with its journal on a real disk."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deltawire.cli import main
from deltawire.errors import UsageError
from deltawire.exchange.accounts.account_records import (
    OpenSubaccount,
    RenameSubaccount,
    SubaccountOpened,
)
from deltawire.exchange.instruments.catalogue import VENUE
from deltawire.exchange.orders.orders import Terms
from deltawire.exchange.orders.records import Place, SetCancelOnDisconnect
from deltawire.exchange.snapshots import freeze
from deltawire.market.market import Market
from deltawire.model.events import (
    BookDelta,
    BookImage,
    Listing,
    Status,
    Ticker,
    Trade,
    VenuePast,
    VolatilityIndex,
)
from deltawire.ports import Wants
from deltawire.roles.exchange import JOURNAL, BuiltinExchange, Setup
from deltawire.roles.gateway import WallClock
from deltawire.store.accounts import FIRST, AccountStore
from tests.support.waiting import HANG_S, until

NAME = "BTC-PERPETUAL"


class JumpingClock(WallClock):
    """The machine's time, and more where a test wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0

    def now(self) -> int:
        """See `Clock`."""
        return super().now() + self.ahead_s * 1_000_000_000


@asynccontextmanager
async def running(
    folder: Path, seed: int = 1, *faults: str, speed: float = 1.0, clock: WallClock | None = None
) -> AsyncIterator[tuple[BuiltinExchange, list[object]]]:
    """An exchange whose source is read, and what it told."""
    builtin = BuiltinExchange(folder, clock or WallClock(), Setup(seed, faults=faults), speed=speed)
    told = list[object]()

    async def read() -> None:
        async for batch in builtin.source.events(Wants()):
            told.extend(batch.events)

    reading = asyncio.create_task(read())
    try:
        yield builtin, told
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await builtin.drained()
        builtin.close()


def events_of_book(told: list[object]) -> list[BookImage | BookDelta]:
    return [event for event in told if isinstance(event, BookImage | BookDelta) and named(event)]


def buy(builtin: BuiltinExchange, price_ticks: int, label: str, connection: int = 0) -> None:
    terms = Terms(instrument=NAME, side="buy", size_lots=100, price_ticks=price_ticks, label=label)
    builtin.service.submit(
        Place(at_ns=builtin.service.now(), account=FIRST, terms=terms, connection=connection)
    )


def named(event: object) -> bool:
    """Whether an event is about the perpetual."""
    return event.instrument.name == NAME  # type: ignore[attr-defined]


def listed(builtin: BuiltinExchange) -> bool:
    """Whether the perpetual is listed, and somebody offers it."""
    book = builtin.service.exchange.matching.books.get(NAME)
    return book is not None and book.asks.best() is not None


async def durable(builtin: BuiltinExchange) -> None:
    done = asyncio.Event()
    if builtin.service.when_durable(builtin.service.ticket(), done.set):
        async with asyncio.timeout(HANG_S):
            await done.wait()


async def test_its_journal_is_found_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    AccountStore(tmp_path).add("bot", {"BTC": 10**9})
    async with running(tmp_path) as (builtin, _):
        await until(lambda: listed(builtin) and builtin.service.account("bot") is not None)
    with pytest.raises(SystemExit) as ended:
        main(["journal", "verify", str(tmp_path / JOURNAL), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (ended.value.code, report["unreadable"], report["sound"]) == (0, 0, True)


async def test_at_a_speed_that_it_cannot_keep_an_order_does_not_stop_its_prices(tmp_path: Path) -> None:
    AccountStore(tmp_path).add("bot", {"BTC": 10**9})
    async with running(tmp_path, speed=10_000.0) as (builtin, _):
        pricing = builtin.service.accounts.pricing
        await until(lambda: listed(builtin) and builtin.service.account("bot") is not None)
        for _ in range(3):
            await asyncio.sleep(0.1)
            buy(builtin, 1000, "far")
            before = pricing.now_ns
            assert builtin.service.exchange.matching.now - before < 2_000_000_000
            await until(lambda before=before: pricing.now_ns > before + 1_000_000_000)


async def test_it_lists_makes_and_trades_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as (builtin, told):
        await until(lambda: {Listing, BookImage, BookDelta, Ticker, Trade} <= {type(each) for each in told})
        names = {each.instrument.name for each in told if isinstance(each, Listing)}
        assert {"BTC-PERPETUAL", "ETH-PERPETUAL", "BTC_USDC-PERPETUAL"} <= names
        assert any(name.endswith("-C") for name in names)
        assert all(builtin.service.accounts.imbalance(coin) == 0 for coin in ("BTC", "ETH", "USDC"))


async def test_an_account_gets_its_money_once_whatever_restarts(tmp_path: Path) -> None:
    AccountStore(tmp_path).add("bot", {"BTC": 10**9})
    for _ in range(3):
        async with running(tmp_path) as (builtin, _):
            await until(lambda: builtin.service.account("bot") == FIRST)
            await durable(builtin)
            assert builtin.service.summary(FIRST, "BTC").balance == 10.0


async def test_an_account_made_while_it_runs_is_taken_up(tmp_path: Path) -> None:
    async with running(tmp_path) as (builtin, _):
        await until(lambda: listed(builtin))
        AccountStore(tmp_path).add("late", {"BTC": 10**9})
        await until(lambda: builtin.service.account("late") == FIRST)
        assert builtin.service.summary(FIRST, "BTC").balance == 10.0


@pytest.mark.parametrize("snapshot_every", [200, 10**9])
async def test_a_restart_finds_orders_trades_and_history_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot_every: int
) -> None:
    monkeypatch.setattr("deltawire.roles.exchange.SNAPSHOT_EVERY", snapshot_every)
    AccountStore(tmp_path).add("bot", {"BTC": 10**9})
    async with running(tmp_path) as (builtin, _):
        await until(lambda: listed(builtin) and builtin.service.account("bot") is not None)
        mark = builtin.service.exchange.matching.books[NAME].reference.mark_ticks
        assert mark is not None
        buy(builtin, int(mark * 0.99) // 5 * 5, "rests")
        buy(builtin, int(mark * 1.01) // 5 * 5, "trades")
        await durable(builtin)
        trades = [each.fill for each in builtin.service.trades(FIRST)]
        position = builtin.service.accounts.position(FIRST, NAME)
        assert position > 0
    assert any(tmp_path.glob("journal/snapshot-*")) == (snapshot_every == 200)  # noqa: ASYNC240
    again = BuiltinExchange(tmp_path, WallClock(), Setup())
    try:
        labels = [order.terms.label for order in again.service.open_orders(FIRST)]
        assert "rests" in labels
        assert again.service.accounts.position(FIRST, NAME) >= position
        assert [each.fill for each in again.service.trades(FIRST)][-len(trades) :] == trades
        frozen = freeze(again.service.exchange)
    finally:
        again.close()
    once_more = BuiltinExchange(tmp_path, WallClock(), Setup())
    assert freeze(once_more.service.exchange) == frozen
    once_more.close()


async def test_a_candle_of_volatility_is_after_a_restart_what_it_was_before(tmp_path: Path) -> None:
    """Live it was looked at each second, for the time behind a restart every five: finished candles changed."""
    live, again = Market(VENUE), Market(VENUE)
    async with running(tmp_path, speed=20.0) as (_, told):
        await until(lambda: len([each for each in told if isinstance(each, VolatilityIndex)]) > 50)
    for event in told:
        if isinstance(event, VolatilityIndex):
            live.apply(event)
            last_s = event.venue_ns // 1_000_000_000
    async with running(tmp_path) as (_, told):
        await until(lambda: any(isinstance(each, VenuePast) for each in told))
    for event in told:
        if isinstance(event, VenuePast):
            again.apply(event)
    for index in ("btc_usd", "eth_usd"):
        before = live.volatility_past[index].between(1, 0, last_s - 1)
        assert len(before) > 10
        assert again.volatility_past[index].between(1, 0, last_s - 1) == before


async def test_a_halt_closes_a_book_for_a_while_and_its_orders_stay(tmp_path: Path) -> None:
    clock = JumpingClock()
    async with running(tmp_path, 1, f"halt:{NAME}:2:10", clock=clock) as (builtin, told):
        await until(lambda: listed(builtin))
        book = builtin.service.exchange.matching.books[NAME]
        await until(lambda: not book.open)
        assert book.asks.best() is not None
        clock.ahead_s += 10
        await until(lambda: book.open)
        trades = len(told)
        await until(lambda: any(isinstance(each, Trade) and named(each) for each in told[trades:]))
        assert [each.state for each in told if isinstance(each, Status) and named(each)] == [
            "live",
            "stale",
            "live",
        ]


async def test_a_halt_that_a_restart_ended_is_over(tmp_path: Path) -> None:
    async with running(tmp_path, 1, f"halt:{NAME}:1.5:1000") as (builtin, _):
        await until(lambda: listed(builtin) and not builtin.service.exchange.matching.books[NAME].open)
        await durable(builtin)
    async with running(tmp_path) as (builtin, _):
        assert not builtin.service.exchange.matching.books[NAME].open
        await until(lambda: builtin.service.exchange.matching.books[NAME].open)


async def test_a_halt_of_what_is_not_listed_is_logged_once(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running(tmp_path, 1, "halt:NOPE:0:1000") as (builtin, _):
            await until(lambda: listed(builtin) and logs)
            await asyncio.sleep(0.2)
    assert [(each["log_level"], each["instrument"]) for each in logs] == [("warning", "NOPE")]


async def test_under_maintenance_nobody_is_served(tmp_path: Path) -> None:
    clock = JumpingClock()
    async with running(tmp_path, 1, "maintenance:0.5:10", clock=clock) as (builtin, _):
        await until(lambda: builtin.service.maintained())
        clock.ahead_s += 10
        await until(lambda: not builtin.service.maintained())


async def test_two_processes_never_share_a_journal(tmp_path: Path) -> None:
    first = BuiltinExchange(tmp_path, WallClock(), Setup())
    with pytest.raises(UsageError, match="another process"):
        BuiltinExchange(tmp_path, WallClock(), Setup())
    first.close()


async def test_damage_in_the_middle_refuses_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltawire.roles.exchange.SNAPSHOT_EVERY", 10**9)  # however long it takes
    async with running(tmp_path) as (_, told):

        def marks() -> int:
            return sum(isinstance(each, Ticker) and each.instrument.name == NAME for each in told)

        await until(lambda: marks() > 3)
    (segment, *_) = sorted((tmp_path / "journal").glob("segment-*"))
    content = bytearray(segment.read_bytes())
    content[200] ^= 0xFF
    segment.write_bytes(content)
    with pytest.raises(UsageError, match="cannot start"):
        BuiltinExchange(tmp_path, WallClock(), Setup())


def test_an_exchange_does_not_start_on_a_damaged_list_of_accounts(tmp_path: Path) -> None:
    AccountStore(tmp_path).add("bot", {"BTC": 1})
    (tmp_path / "accounts.json").write_text("garbage")
    with pytest.raises(UsageError, match=r"accounts\.json is damaged"):
        BuiltinExchange(tmp_path, WallClock(), Setup())
    assert not (tmp_path / JOURNAL).exists()


async def test_a_start_ahead_of_the_machines_clock_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    class AheadClock(WallClock):
        """Set three days wrong."""

        def now(self) -> int:
            return super().now() + 3 * 86_400 * 1_000_000_000

    ahead = BuiltinExchange(tmp_path, AheadClock(), Setup())
    ahead.service.connected(FIRST)
    await ahead.drained()
    ahead.close()
    with capture_logs() as lines:
        BuiltinExchange(tmp_path, WallClock(), Setup()).close()
    (line,) = [line for line in lines if "ahead of this machine's clock" in line["event"]]
    assert abs(line["ahead_s"] - 3 * 86_400) < 600
    assert str(tmp_path / JOURNAL) in line["advice"]
    with capture_logs() as lines:
        BuiltinExchange(tmp_path / "other", WallClock(), Setup()).close()
    assert not [line for line in lines if "ahead" in line["event"]]


async def test_after_a_restart_the_image_is_of_what_is_on_disk_and_changes_follow_it(tmp_path: Path) -> None:
    """Orders of connections that the restart cut are cancelled behind the image, not in it ahead of the disk."""
    AccountStore(tmp_path).add("bot", {"BTC": 10**9})
    async with running(tmp_path) as (builtin, _):
        await until(lambda: listed(builtin) and builtin.service.account("bot") is not None)
        service = builtin.service
        connection = service.connected(FIRST)
        where = {"at_ns": service.now(), "account": FIRST, "connection": connection}
        service.submit(SetCancelOnDisconnect(enabled=True, **where))
        buy(builtin, 1000, "stays", connection)
        await durable(builtin)
    async with running(tmp_path) as (builtin, told):
        assert builtin.service.open_orders(FIRST)
        await until(lambda: len(events_of_book(told)) > 10)
        assert not builtin.service.open_orders(FIRST)
    image, *deltas = events_of_book(told)
    assert isinstance(image, BookImage)
    assert 1000 in image.bids.prices
    assert [delta.sequence - image.sequence for delta in deltas] == [*range(1, len(deltas) + 1)]
    assert any(1000 in delta.bids.prices for delta in deltas if isinstance(delta, BookDelta))


async def test_an_account_of_a_sub_accounts_name_takes_nothing_over(tmp_path: Path) -> None:
    """Neither in a running exchange nor at its start, whichever was there first."""
    store = AccountStore(tmp_path)
    store.add("bot", {"BTC": 10**9})
    async with running(tmp_path) as (builtin, _):
        await until(lambda: builtin.service.account("bot") is not None)
        service = builtin.service
        opened = service.submit(OpenSubaccount(at_ns=service.now(), account=FIRST, name="bot_1"))
        (number,) = [each.number for each in opened if isinstance(each, SubaccountOpened)]
        service.submit(RenameSubaccount(at_ns=service.now(), account=FIRST, sub=number, name="hedge"))
        login = service.login(number)
        with capture_logs() as lines:
            store.add("hedge", {"BTC": 5})
            await until(lambda: service.account("hedge") is not None)
        assert [line["subaccount"] for line in lines if "name of a sub-account" in line["event"]] == [number]
        assert (service.account("hedge"), service.account(login)) == (FIRST + 1, number)
        await durable(builtin)
    async with running(tmp_path) as (builtin, _):
        await until(lambda: builtin.service.account("hedge") is not None)
        service = builtin.service
        assert (service.account("hedge"), service.account(login)) == (FIRST + 1, number)
        assert (service.account_name(number), service.subaccounts(FIRST)) == ("hedge", [number])
        assert service.summary(FIRST + 1, "BTC").balance == 5e-8
