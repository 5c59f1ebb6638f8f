"""Accounts without limits: positions are counted, money is not. For tests, benchmarks and simulated books."""

from collections.abc import Sequence

import msgspec

from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Fill, Order
from deltawire.exchange.ports import AccountEvent, Record, RiskInstruction
from deltawire.model.instruments import Instrument


class NoRiskCheck:
    """A `RiskCheck` that refuses nothing."""

    __slots__ = ("positions",)

    def __init__(self) -> None:
        self.positions: dict[str, dict[AccountId, int]] = {}

    def check(self, order: Order, instrument: Instrument, replaces: Order | None) -> Rejection | None:
        """Accept any order."""
        return None

    def rested(self, order: Order) -> None:
        """Ignore open orders."""

    def filled(self, fill: Fill) -> None:
        """Update the positions."""
        name, account = fill.instrument, fill.account
        position = self.positions.get(name)
        if position is None:
            position = self.positions[name] = {}
        lots = fill.size_lots if fill.side == "buy" else -fill.size_lots
        position[account] = position.get(account, 0) + lots

    def position(self, account: AccountId, instrument: str) -> int:
        """Lots, negative when short."""
        return self.positions.get(instrument, {}).get(account, 0)

    def received(self, record: Record) -> Rejection | None:
        """Refuse any record: there are none of its own."""
        return Rejection(Code.NOT_IMPLEMENTED, reason=type(record).__name__)

    def outcome(self) -> Sequence[AccountEvent | RiskInstruction]:
        """Empty: there are no results."""
        return ()

    def freeze(self) -> bytes:
        """Encode the positions."""
        return msgspec.json.encode(self.positions)

    def thaw(self, state: bytes) -> None:
        """Restore the positions."""
        self.positions = msgspec.json.decode(state, type=dict[str, dict[AccountId, int]])
