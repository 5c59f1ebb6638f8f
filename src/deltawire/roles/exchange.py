"""Wires the built-in exchange together: journal → exchange and accounts → service → source."""

import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import get_args

import msgspec
import structlog

from deltawire.agents.simulation import Simulation
from deltawire.bus.memory import MemoryAccountBroker
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
from deltawire.roles.exchange_metrics import ExchangeCollector
from deltawire.sources.exchange_service import ExchangeService
from deltawire.sources.simulated import PublicEvents, SimulatedClock, SimulatedSource
from deltawire.store.accounts import AccountEntry, AccountStore
from deltawire.store.watching import WatchedFile

log = structlog.get_logger("deltawire")
JOURNAL = "journal"
SNAPSHOT_EVERY = 50_000
SLOW_REPLAY_S = 1.0
"""After a longer replay a snapshot is written at once, whatever the number of records."""
AHEAD_S = 60.0
"""Exchange time may be ahead of the machine's clock by this much at a start without a warning."""
ACCOUNTS_PAUSE = 250
"""Most polls, at fifty per second, between two attempts to read accounts that cannot be read."""
AGENTS_TURN_NS = 3_000_000
"""How long the agents act before others have a turn; an action that has begun is finished."""


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the exchange: the random seed, and the latency and faults of its clients."""

    seed: int = 1
    latency: str = "none"
    """One way, for requests and answers.

    `none`, `colocated`, `cloud`, `home`, or milliseconds such as `12` or `12±3`.
    """
    drop: float = 0.0
    """Share of requests that are lost."""
    faults: tuple[str, ...] = ()
    """`delay:SHARE:MS`, `halt:INSTRUMENT:START:SECONDS`, `maintenance:START:SECONDS`; in seconds after the start."""
    open_orders: OpenOrders = OpenOrders()


class AccountEnrolment:
    """Submits each account of the store and each of its deposits to the exchange, once."""

    def __init__(self, store: AccountStore, service: ExchangeService) -> None:
        self._entries = WatchedFile(
            store.read, store.stamp, ACCOUNTS_PAUSE, failed=_accounts_stay, recovered=_accounts_read
        )
        self._service = service

    def poll(self) -> None:
        """Submit new entries; if the store cannot be read, this is logged and the known accounts stay."""
        for entry in self._entries.poll() or ():
            self._enrol(entry)

    def _enrol(self, entry: AccountEntry) -> None:
        """Submit what is missing.

        The first deposit if there is no wallet, and the later ones that the account has not counted.
        """
        account = self._service.accounts.ledger.accounts.get(entry.number)
        funded = set(account.wallets) if account else set()
        taken = account.deposits if account else 0
        for currency, units in entry.deposits.items():
            if currency not in funded and units:
                self._deposit(entry, currency, units)
        for number, deposit in enumerate(entry.later[taken:], taken + 1):
            self._deposit(entry, deposit.currency, deposit.units, number)
        if taken > len(entry.later):
            log.error("the journal has deposits that accounts.json does not have", account=entry.name)
        sub = self._service.named(entry.name)
        self._service.enrol(entry.name, entry.number)
        if sub not in (None, entry.number):
            log.warning(
                "an account of accounts.json has the name of a sub-account; each keeps its keys, tokens and money",
                account=entry.name,
                number=entry.number,
                subaccount=sub,
                advice="tell them apart by number, or let the owner rename the sub-account",
            )

    def _deposit(self, entry: AccountEntry, currency: str, units: int, number: int = 0) -> None:
        service = self._service
        outputs = service.submit(
            Deposit(at_ns=service.now(), account=entry.number, currency=currency, units=units, number=number)
        )
        if outputs and isinstance(outputs[-1], Rejection):
            log.error("deposit refused", account=entry.name, currency=currency, reason=outputs[-1].message)


def _accounts_stay(reason: str) -> None:
    log.error("cannot read the accounts; the known ones stay", error=reason)


def _accounts_read() -> None:
    log.info("accounts can be read again")


class Agents:
    """The agents of the simulated market, reproducible by a seed. Orders from before a restart are cancelled."""

    def __init__(self, service: ExchangeService, seed: int) -> None:
        self._service = service
        self._streams = partial(_stream, seed)
        self._simulation: Simulation | None = None

    def step(self, now: int) -> int:
        """Let the agents act until now; stops early if that is too much for one turn of the event loop.

        What they do does not depend on where it stops.
        """
        if self._simulation is None:
            self._simulation = self._begun(self._service.now())
        ends_ns = time.perf_counter_ns() + AGENTS_TURN_NS
        for _ in self._simulation.advance(now):
            if time.perf_counter_ns() >= ends_ns:
                return self._simulation.now_ns
        return now

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
    """Halts and reopens books as configured; reopens books that were halted before a restart."""

    def __init__(self, service: ExchangeService, conditions: NetworkConditions, begun_ns: int) -> None:
        self._service = service
        self._conditions = conditions
        self._begun_ns = begun_ns
        self._names = {fault.instrument for fault in conditions.faults if isinstance(fault, Halt)}
        books = service.exchange.matching.books.values()
        self._names |= {book.instrument.name for book in books if book.instrument.active and not book.open}
        self._missed: set[str] = set()

    def step(self, now: int) -> None:
        """Begin and end the halts that are due."""
        for name in self._names:
            book = self._service.exchange.matching.books.get(name)
            halted = self._conditions.halted(name, now - self._begun_ns)
            if book is None or not book.instrument.active:
                if halted and name not in self._missed and self._service.exchange.matching.books:
                    self._missed.add(name)
                    log.warning("cannot halt an unknown instrument", instrument=name)
                continue
            if halted is book.open:
                demand = CloseBook(name) if halted else OpenBook(book.instrument)
                self._service.submit(Instruct(at_ns=now, demand=demand))


def parse_conditions(setup: Setup) -> NetworkConditions:
    """Parse the latency and faults of a setup; raises `UsageError` if they are invalid."""
    if not 0.0 <= setup.drop < 1.0:
        raise UsageError(f"--drop, the share of lost requests, must be from 0 to below 1, not {setup.drop:g}")
    lost = (Drop("order", setup.drop),) if setup.drop else ()
    return NetworkConditions(
        parse_latency(setup.latency), (*lost, *(parse_fault(text) for text in setup.faults))
    )


def _network_factory(
    conditions: NetworkConditions, setup: Setup, wall: Clock
) -> Callable[[], NetworkSimulator] | None:
    """Return a factory for the network conditions of each connection; None without latency and faults."""
    under_way = any(isinstance(fault, (Drop, Delay)) for fault in conditions.faults)
    if not conditions.latency.mean_ms and not under_way:
        return None
    numbers = count()
    return lambda: NetworkSimulator(conditions, _stream(setup.seed, f"distance {next(numbers)}"), wall)


def _stream(seed: int, name: str) -> RandomStream:
    return random.Random(f"{seed}/{name}")


class BuiltinExchange:
    """The exchange under a folder; creating it replays its journal.

    Raises `UsageError` if the journal or the list of accounts is damaged, or another process uses it.
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
        accounts.read()  # report damage now, not when trading fails
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

        self.collector = ExchangeCollector(self._exchange.matching, self._commit, folder / JOURNAL)
        self.source = SimulatedSource(self.service, public, agents, poll=poll, clock=clock)

    async def drained(self) -> None:
        """Wait until everything submitted is on disk."""
        await self._commit.drained()

    def close(self) -> None:
        """Close the journal; what was not on disk was not acknowledged."""
        self._journal.close()

    def _accepted(self, record: Record) -> None:
        self.service.journal(record)

    def _replay(self) -> int:
        """Replay the journal; returns the number of records to count towards the next snapshot."""
        journal, started = self._journal, time.perf_counter()
        count = recover(self._exchange, self._history, self._codec, journal, self._market_past)
        if journal.cut is not None:
            log.warning("torn tail cut", file=journal.cut.file, at=journal.cut.at, bytes=journal.cut.size)
        if count or journal.snapshot:
            log.info("journal replayed", records=count, sequence=journal.sequence)
        for name in journal.foreign:
            log.warning("ignored: not a file of the journal", file=name)
        return SNAPSHOT_EVERY if time.perf_counter() - started > SLOW_REPLAY_S else count


def _warn_if_ahead(exchange_ns: int, machine_ns: int, journal: Path) -> None:
    """Log if exchange time is ahead of the machine.

    It never goes back, so a wrong clock at a start has lasting effect.
    """
    ahead_s = (exchange_ns - machine_ns) / 1e9
    if ahead_s > AHEAD_S:
        log.warning(
            "exchange time is ahead of this machine's clock and continues from there",
            ahead_s=round(ahead_s),
            exchange_time=datetime.fromtimestamp(exchange_ns / 1e9, UTC).isoformat(timespec="seconds"),
            advice=f"it catches up by itself; until then valid_until is held against exchange time, which "
            f"tickers show. To begin anew at the right time, stop the server and move {journal} away",
        )
