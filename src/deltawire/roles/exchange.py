"""The built-in exchange put together: journal → exchange and accounts → service → source."""

import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import get_args

import msgspec
import structlog

from deltawire.agents.simulation import Simulation
from deltawire.bus.accounts import MemoryAccountBroker
from deltawire.errors import JournalError, UsageError
from deltawire.exchange.accounts.account_records import AccountRecord, Deposit
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.history import AGENTS_FROM, AccountHistory
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.limits.open_orders import OpenOrders
from deltawire.exchange.market_past import MarketPast
from deltawire.exchange.network_conditions import (
    Delay,
    Drop,
    Halt,
    NetworkConditions,
    parse_fault,
    parse_latency,
)
from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.orders.records import CancelMany, Instruct
from deltawire.exchange.ports import CloseBook, OpenBook, Record
from deltawire.gateway.network_simulator import NetworkSimulator
from deltawire.journal.committing import GroupCommit
from deltawire.journal.files import DiskFiles
from deltawire.journal.journal import Journal
from deltawire.journal.recovery import recover, save
from deltawire.model.random_stream import RandomStream
from deltawire.ports import Clock
from deltawire.sources.exchange_service import ExchangeService
from deltawire.sources.simulated import PublicEvents, SimulatedClock, SimulatedSource
from deltawire.store.accounts import AccountEntry, AccountStore
from deltawire.store.watching import WatchedFile

log = structlog.get_logger("deltawire")
JOURNAL = "journal"
SNAPSHOT_EVERY = 50_000
SLOW_REPLAY_S = 1.0
"""After a replay that took longer a snapshot is taken at once, however few records it was."""
AHEAD_S = 60.0
"""How far exchange time may be ahead of this machine's clock at a start without a warning."""
ACCOUNTS_PAUSE = 250
"""Of looks, fifty a second, between two attempts to read accounts that cannot be read."""
MOST_MOMENTS = 20
"""Of the agents, before others have a turn."""


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the exchange is told: the seed of chance, and how far its clients are."""

    seed: int = 1
    latency: str = "none"
    """One way, of requests and answers: `none`, `colocated`, `cloud`, `home`, or milliseconds as `12` or `12±3`."""
    drop: float = 0.0
    """The share of requests that are lost."""
    faults: tuple[str, ...] = ()
    """`delay:SHARE:MS`, `halt:INSTRUMENT:START:SECONDS`, `maintenance:START:SECONDS`; seconds after the start."""
    open_orders: OpenOrders = OpenOrders()


class AccountEnrolment:
    """Gives each account of the store its name and each of its deposits, once."""

    def __init__(self, store: AccountStore, service: ExchangeService) -> None:
        self._entries = WatchedFile(
            store.read, store.stamp, ACCOUNTS_PAUSE, failed=_accounts_stay, recovered=_accounts_read
        )
        self._service = service

    def poll(self) -> None:
        """Take up what is new; a store that cannot be read is told of, and the accounts known stay."""
        for entry in self._entries.poll() or ():
            self._enrol(entry)

    def _enrol(self, entry: AccountEntry) -> None:
        """A wallet that is there has had its first deposit; how many came later the account itself has counted."""
        account = self._service.accounts.ledger.accounts.get(entry.number)
        funded = set(account.wallets) if account else set()
        taken = account.deposits if account else 0
        for currency, units in entry.deposits.items():
            if currency not in funded and units:
                self._deposit(entry, currency, units)
        for number, deposit in enumerate(entry.later[taken:], taken + 1):
            self._deposit(entry, deposit.currency, deposit.units, number)
        if taken > len(entry.later):
            log.error("the journal has deposits that the list of accounts has not", account=entry.name)
        self._service.enrol(entry.name, entry.number)

    def _deposit(self, entry: AccountEntry, currency: str, units: int, number: int = 0) -> None:
        service = self._service
        outputs = service.submit(
            Deposit(at_ns=service.now(), account=entry.number, currency=currency, units=units, number=number)
        )
        if outputs and isinstance(outputs[-1], Rejection):
            log.error("deposit refused", account=entry.name, currency=currency, reason=outputs[-1].message)


def _accounts_stay(reason: str) -> None:
    log.error("accounts stay as they were", error=reason)


def _accounts_read() -> None:
    log.info("accounts can be read again")


class Agents:
    """Those who make the market live, reproducible by a seed. Orders left by agents before a restart are cancelled."""

    def __init__(self, service: ExchangeService, seed: int) -> None:
        self._service = service
        self._streams = partial(_stream, seed)
        self._simulation: Simulation | None = None

    def step(self, now: int) -> int:
        """Let them act until now; when that is too much at once, so far, to go on at the next step."""
        if self._simulation is None:
            self._simulation = self._begun(self._service.now())
        moments = sum(1 for _ in islice(self._simulation.advance(now), MOST_MOMENTS))
        return now if moments < MOST_MOMENTS else self._simulation.now_ns

    def _begun(self, now: int) -> Simulation:
        service = self._service
        for account in [
            account for account in service.exchange.matching.by_account if account >= AGENTS_FROM
        ]:
            service.submit(CancelMany(at_ns=now, account=account))
        return Simulation(
            self._streams, now, exchange=service.exchange, accounts=service.accounts, submit=service.submit
        )


class Halts:
    """Closes books and opens them as the conditions say; opens those that a halt before a restart left closed."""

    def __init__(self, service: ExchangeService, conditions: NetworkConditions, begun_ns: int) -> None:
        self._service = service
        self._conditions = conditions
        self._begun_ns = begun_ns
        self._names = {fault.instrument for fault in conditions.faults if isinstance(fault, Halt)}
        books = service.exchange.matching.books.values()
        self._names |= {book.instrument.name for book in books if book.instrument.active and not book.open}
        self._missed: set[str] = set()

    def step(self, now: int) -> None:
        """Begin and end what is due."""
        for name in self._names:
            book = self._service.exchange.matching.books.get(name)
            halted = self._conditions.halted(name, now - self._begun_ns)
            if book is None or not book.instrument.active:
                if halted and name not in self._missed and self._service.exchange.matching.books:
                    self._missed.add(name)
                    log.warning("no such instrument to halt", instrument=name)
                continue
            if halted is book.open:
                demand = CloseBook(name) if halted else OpenBook(book.instrument)
                self._service.submit(Instruct(at_ns=now, demand=demand))


def parse_conditions(setup: Setup) -> NetworkConditions:
    """The conditions that a setup asks for; `UsageError` where there are none such."""
    if not 0.0 <= setup.drop < 1.0:
        raise UsageError(
            f"--drop, the share of requests that are lost, is from 0 to below 1, not {setup.drop:g}"
        )
    lost = (Drop("order", setup.drop),) if setup.drop else ()
    return NetworkConditions(
        parse_latency(setup.latency), (*lost, *(parse_fault(text) for text in setup.faults))
    )


def _network_factory(
    conditions: NetworkConditions, setup: Setup, wall: Clock
) -> Callable[[], NetworkSimulator] | None:
    """What makes each connection's distance; None when clients are near."""
    under_way = any(isinstance(fault, Drop | Delay) for fault in conditions.faults)
    if not conditions.latency.mean_ms and not under_way:
        return None
    numbers = count()
    return lambda: NetworkSimulator(conditions, _stream(setup.seed, f"distance {next(numbers)}"), wall)


def _stream(seed: int, name: str) -> RandomStream:
    return random.Random(f"{seed}/{name}")


class BuiltinExchange:
    """The exchange under a folder; its journal is replayed when this is made.

    Raises `UsageError` when the journal or the list of accounts is damaged, or another process has it.
    """

    def __init__(self, folder: Path, wall: Clock, setup: Setup, *, speed: float = 1.0) -> None:
        conditions = parse_conditions(setup)
        self.make_network = _network_factory(conditions, setup, wall)
        self._codec = Codec(*get_args(AccountRecord))
        self._accounts = Accounts()
        self._exchange = Exchange(self._accounts, self._accepted)
        self._history = AccountHistory()
        self._market_past = MarketPast(lambda: self._accounts.pricing)
        accounts = AccountStore(folder)
        accounts.read()  # damaged is told now, not when nobody can trade
        try:
            self._journal = Journal(DiskFiles(folder / JOURNAL), str(folder / JOURNAL), secrets.randbits(63))
            replayed = self._replay()
        except JournalError as error:
            raise UsageError(f"the exchange cannot start: {error}") from error
        except OSError as error:
            raise UsageError(f"cannot use {folder / JOURNAL}: {error.strerror}") from error
        self._commit = GroupCommit(
            self._journal,
            state=partial(save, self._exchange, self._history, self._market_past),
            snapshot_every=SNAPSHOT_EVERY,
            since_snapshot=replayed,
        )
        _warn_if_ahead(self._exchange.matching.now, wall.now(), folder / JOURNAL)
        clock = SimulatedClock(wall, start_ns=self._exchange.matching.now, speed=speed)
        begun_ns, public = clock.now(), PublicEvents()
        self.service = ExchangeService(
            self._exchange,
            self._accounts,
            self._history,
            codec=self._codec,
            commit=self._commit,
            clock=clock,
            first_connection=time.time_ns() // 1000,
            public=public.put,
            account_events=MemoryAccountBroker(),
            open_orders=setup.open_orders,
            maintained_at=lambda now: conditions.maintained(now - begun_ns),
            market_past=self._market_past,
        )
        agents = Agents(self.service, setup.seed)
        enrolment, halts = AccountEnrolment(accounts, self.service), Halts(self.service, conditions, begun_ns)

        def poll() -> None:
            enrolment.poll()
            halts.step(self.service.now())

        self.source = SimulatedSource(self.service, public, agents, poll, clock)

    async def drained(self) -> None:
        """Wait until everything submitted is on disk."""
        await self._commit.drained()

    def close(self) -> None:
        """Let go of the journal; what was not on disk was not acknowledged."""
        self._journal.close()

    def _accepted(self, record: Record) -> None:
        self.service.journal(record)

    def _replay(self) -> int:
        """Replay the journal; returns as how many records it counts on the way to the next snapshot."""
        journal, started = self._journal, time.perf_counter()
        count = recover(self._exchange, self._history, self._codec, journal, self._market_past)
        if journal.cut is not None:
            log.warning("torn tail cut", file=journal.cut.file, at=journal.cut.at, bytes=journal.cut.size)
        if count or journal.snapshot:
            log.info("journal replayed", records=count, sequence=journal.sequence)
        for name in journal.foreign:
            log.warning("not a file of the journal: left alone", file=name)
        return SNAPSHOT_EVERY if time.perf_counter() - started > SLOW_REPLAY_S else count


def _warn_if_ahead(exchange_ns: int, machine_ns: int, journal: Path) -> None:
    """Exchange time never goes back, so a start with a clock that was wrong outlives it."""
    ahead_s = (exchange_ns - machine_ns) / 1e9
    if ahead_s > AHEAD_S:
        log.warning(
            "exchange time is ahead of this machine's clock and goes on from there",
            ahead_s=round(ahead_s),
            exchange_time=datetime.fromtimestamp(exchange_ns / 1e9, UTC).isoformat(timespec="seconds"),
            advice=f"it catches up by itself; until then valid_until is held against exchange time, which "
            f"tickers show. To begin anew at the right time, stop the server and move {journal} away",
        )
