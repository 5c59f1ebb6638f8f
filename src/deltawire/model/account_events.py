"""Events of one account, as values: published on private channels once they are durable.

Orders, trades, positions and sums have the dialect's names and units, in the state after their record.
"""

from typing import Any

import msgspec

from deltawire.model.instruments import Instrument

AccountId = int


class OrderUpdate(msgspec.Struct, frozen=True):
    """The state of an order after a record."""

    instrument: Instrument
    order: dict[str, Any]


class AccountTrade(msgspec.Struct, frozen=True):
    """One side of a trade, and the account's position in the instrument after the record.

    The position is None if it is flat, or if positions of the account were not requested.
    """

    instrument: Instrument
    trade: dict[str, Any]
    position: dict[str, Any] | None


class AccountState(msgspec.Struct, frozen=True):
    """Balance and margin after a record: of one currency, or with `any` of each."""

    currency: str
    summaries: tuple[dict[str, Any], ...]


class ProtectionTriggered(msgspec.Struct, frozen=True):
    """Market maker protection has cancelled a group's orders until then (0: until reset)."""

    index_name: str
    group: str
    frozen_until_ns: int


class AccountLock(msgspec.Struct, frozen=True):
    """A liquidation has locked the account, or its end has unlocked it."""

    locked: bool
    currency: str


AccountEvent = OrderUpdate | AccountTrade | AccountState | ProtectionTriggered | AccountLock
