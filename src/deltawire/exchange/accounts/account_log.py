"""What moved the money of accounts, entry by entry, and what settled in public."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from deltawire.exchange.accounts.account_records import (
    BalanceChanged,
    Charged,
    Delivered,
    LiquidationEnded,
    PositionMoved,
    Settled,
)
from deltawire.exchange.orders.orders import AccountId, Fill

Kind = Literal["trade", "settlement", "delivery", "deposit", "withdrawal", "transfer", "liquidation", "move"]
SETTLEMENTS_KEPT = 20_000


class LogEntry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One change of an account's balance in a currency, in smallest units; times in nanoseconds.

    `change` is the balance behind the entry less the one behind the entry before it, whatever it came from.
    """

    number: int
    """Within the account, from 1."""
    at_ns: int
    kind: Kind
    currency: str
    change: int
    balance: int
    cashflow: int = 0
    commission: int = 0
    instrument: str = ""
    lots: int = 0
    """Traded, settled or delivered; below zero where sold or held short."""
    position: int = 0
    price: float = 0.0
    index: float | None = None
    funding: int = 0
    fill: Fill | None = None
    other: AccountId = 0
    """The account at the other end of a transfer."""
    nonce: str = ""
    """Of a transfer, by which who made it knows it."""


class SettlementEntry(msgspec.Struct, frozen=True, gc=False):
    """One instrument's settlement or delivery over all accounts."""

    number: int
    at_ns: int
    kind: Literal["settlement", "delivery"]
    instrument: str
    currency: str
    lots: int = 0
    """Held long, which is as much as held short."""
    gain: int = 0
    """What winners got, and losers paid."""
    funding: int = 0
    mark: float = 0.0
    index: float | None = None


class _Frozen(msgspec.Struct, frozen=True):
    logs: list[tuple[AccountId, int, dict[str, int], list[LogEntry]]]
    settlements: list[SettlementEntry]


class _Log:
    """One account's, oldest first."""

    def __init__(self, kept: int) -> None:
        self.count = 0
        self.balances: dict[str, int] = {}
        self.entries: deque[LogEntry] = deque(maxlen=kept)

    def add(self, at_ns: int, kind: Kind, currency: str, balance: int, **fields: Any) -> None:
        """The next entry."""
        self.count += 1
        change = balance - self.balances.get(currency, 0)
        self.balances[currency] = balance
        self.entries.append(LogEntry(self.count, at_ns, kind, currency, change, balance, **fields))


class AccountLog:
    """The entries of accounts below `before`, so many of each; settlements of all."""

    def __init__(self, before: AccountId, kept: int) -> None:
        self._before = before
        self._kept = kept
        self._logs: dict[AccountId, _Log] = {}
        self._settlements: deque[SettlementEntry] = deque(maxlen=SETTLEMENTS_KEPT)
        self._settled = 0

    def apply(self, outputs: Sequence[Any]) -> None:
        """What came of one record."""
        fills: dict[tuple[int, int], Fill] = {}
        settled: dict[tuple[str, str], SettlementEntry] = {}
        for output in outputs:
            if isinstance(output, Fill):
                fills[output.trade_id, output.order_id] = output
            elif isinstance(output, (Settled, Delivered)):
                _count(settled, output)
                self._enter(output, None)
            elif isinstance(output, Charged):
                self._enter(output, fills.get((output.trade_id, output.order_id)))
            elif isinstance(output, (BalanceChanged, LiquidationEnded, PositionMoved)):
                self._enter(output, None)
        for entry in settled.values():
            self._settled += 1
            self._settlements.append(msgspec.structs.replace(entry, number=self._settled))

    def entries(self, account: AccountId) -> Iterator[LogEntry]:
        """An account's, newest first."""
        log = self._logs.get(account)
        return reversed(log.entries) if log else iter(())

    def settlements(self) -> Iterator[SettlementEntry]:
        """Newest first."""
        return reversed(self._settlements)

    def freeze(self) -> bytes:
        """For a snapshot."""
        logs = [(account, log.count, log.balances, list(log.entries)) for account, log in self._logs.items()]
        return msgspec.msgpack.encode(_Frozen(logs, list(self._settlements)))

    def thaw(self, frozen: bytes) -> None:
        """Become what was frozen."""
        found = msgspec.msgpack.decode(frozen, type=_Frozen)
        for account, count, balances, entries in found.logs:
            log = self._logs[account] = _Log(self._kept)
            log.count, log.balances = count, balances
            log.entries.extend(entries)
        self._settlements.extend(found.settlements)
        self._settled = self._settlements[-1].number if self._settlements else 0

    def _enter(self, output: Any, fill: Fill | None) -> None:
        if output.account >= self._before:
            return
        log = self._logs.get(output.account)
        if log is None:
            log = self._logs[output.account] = _Log(self._kept)
        match output:
            case Charged() if fill is not None:
                log.add(
                    fill.at_ns,
                    "trade",
                    output.currency,
                    output.balance,
                    cashflow=output.cashflow,
                    commission=output.fee,
                    instrument=output.instrument,
                    lots=fill.size_lots if fill.side == "buy" else -fill.size_lots,
                    position=output.lots,
                    fill=fill,
                )
            case BalanceChanged():
                moved: Kind = "transfer" if output.other else "deposit" if output.units > 0 else "withdrawal"
                log.add(
                    output.at_ns,
                    moved,
                    output.currency,
                    output.balance,
                    cashflow=output.units,
                    other=output.other,
                    nonce=output.nonce,
                )
            case Settled():
                log.add(
                    output.at_ns,
                    "settlement",
                    output.currency,
                    output.balance,
                    cashflow=output.units,
                    instrument=output.instrument,
                    lots=output.lots,
                    position=output.lots,
                    price=output.price,
                    index=output.index,
                    funding=output.funding,
                )
            case Delivered():
                log.add(
                    output.at_ns,
                    "delivery",
                    output.currency,
                    output.balance,
                    cashflow=output.units,
                    commission=output.fee,
                    instrument=output.instrument,
                    lots=output.lots,
                    price=output.price,
                    index=output.price,
                    funding=output.funding,
                )
            case PositionMoved():
                log.add(
                    output.at_ns,
                    "move",
                    output.currency,
                    output.balance,
                    instrument=output.instrument,
                    lots=output.lots,
                    position=output.position,
                    price=output.price,
                    other=output.other,
                )
            case LiquidationEnded():
                log.add(output.at_ns, "liquidation", output.currency, output.balance)


def _count(settled: dict[tuple[str, str], SettlementEntry], output: Settled | Delivered) -> None:
    """Add one account's part to what its instrument's settlement comes to."""
    delivered = isinstance(output, Delivered)
    key = output.instrument, "delivery" if delivered else "settlement"
    before = settled.get(key)
    if before is None:
        index = output.price if isinstance(output, Delivered) else output.index
        before = SettlementEntry(
            0,
            output.at_ns,
            "delivery" if delivered else "settlement",
            output.instrument,
            output.currency,
            mark=output.price,
            index=index,
        )
    settled[key] = msgspec.structs.replace(
        before,
        lots=before.lots + max(0, output.lots),
        gain=before.gain + max(0, output.units),
        funding=before.funding + max(0, output.funding),
    )
