"""Random streams of every kind of record that matching knows, and what an exchange makes of them."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

import msgspec

from deltawire.exchange.accounts.no_risk_check import NoRiskCheck
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.orders import Terms
from deltawire.exchange.orders.records import (
    Cancel,
    CancelMany,
    ClosePosition,
    Connected,
    Disconnected,
    Edit,
    Instruct,
    MassQuote,
    Place,
    Quote,
    QuoteSide,
    ResetProtection,
    SetCancelOnDisconnect,
    SetProtection,
    SetSelfTrading,
    Tick,
)
from deltawire.exchange.ports import CancelAll, CloseBook, OpenBook, Record, Reference
from tests.support.matching_harness import SIMPLE

NAMES = ("SIMPLE", "SECOND")
TRIGGERS = ("index_price", "mark_price", "last_price")
STEP_NS = 5 * 60 * 1_000_000_000


class Stream:
    """Draws records; most can be accepted, some cannot."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._now = 1_700_000_000_000_000_000
        self._placed = 1

    def records(self, count: int) -> Iterator[Record]:
        """The books are opened, then anything."""
        for name in NAMES:
            yield self._make(Instruct, demand=OpenBook(msgspec.structs.replace(SIMPLE, name=name)))
        for account in (1, 2):
            yield self._make(SetCancelOnDisconnect, account=account, connection=1, enabled=True)
            yield self._protect(account)
        draws = (
            [self._place] * 24 + [self._edit] * 12 + [self._cancel] * 8 + [self._refer] * 4 + [self._quote] * 6
            + [self._cancel_many, self._close_position, self._connection, self._rare]
        )  # fmt: skip
        for _ in range(count):
            yield self._random.choice(draws)()

    def _make(self, kind: type[Record], **fields: Any) -> Any:
        self._now += self._random.choice([1, 1, 1000, STEP_NS])
        return kind(at_ns=self._now, **fields)

    def _account(self) -> int:
        return self._random.randint(1, 4)

    def _name(self) -> str:
        return self._random.choice(NAMES)

    def _price(self) -> int:
        return self._random.randint(90, 110)

    def _terms(self, name: str, *, linked: bool = True) -> Terms:
        random = self._random
        kinds = ["limit"] * 8 + [
            "market",
            "market_limit",
            "stop_limit",
            "stop_market",
            "take_limit",
            "trailing_stop",
        ]
        kind = random.choice(kinds)
        fields: dict[str, Any] = {"type": kind, "label": random.choice(["", "", "a", "b"])}
        if kind in ("limit", "stop_limit", "take_limit"):
            fields["price_ticks"] = self._price()
        if kind.startswith(("stop", "take", "trailing")):
            fields["trigger"] = random.choice(TRIGGERS)
            fields["trigger_offset_ticks" if kind == "trailing_stop" else "trigger_ticks"] = self._price()
        size = random.choice([1, 2, 5, 10, 300])
        if kind == "limit":
            fields["post_only"] = random.random() < 0.1
            fields["mmp"] = random.random() < 0.1
            fields["display_lots"] = 100 if size == 300 else None
        forces = ["good_til_cancelled"] * 6 + ["good_til_day", "fill_or_kill", "immediate_or_cancel"]
        fields["time_in_force"] = random.choice(forces)
        fields["reduce_only"] = random.random() < 0.1
        if linked and random.random() < 0.25:
            count, fields["linked"] = random.choice(
                [(1, "one_triggers_other"), (1, "one_cancels_other"), (2, "one_triggers_one_cancels_other")]
            )
            fields["others"] = tuple(self._terms(name, linked=False) for _ in range(count))
            fields["fill_condition"] = random.choice(["first_hit", "complete_fill", "incremental"])
        return Terms(instrument=name, side=random.choice(["buy", "sell"]), size_lots=size, **fields)

    def _place(self) -> Record:
        self._placed += 1
        terms = self._terms(self._name())
        return self._make(
            Place, account=self._account(), terms=terms, connection=self._random.choice([0, 1, 2])
        )

    def _order_id(self) -> int:
        return max(1, self._placed - self._random.randint(-10, 30))

    def _edit(self) -> Record:
        random = self._random
        changes = random.choice(
            [
                {"price_ticks": self._price()},
                {"size_lots": random.choice([1, 4, 20])},
                {"trigger_ticks": self._price()},
            ]
        )
        return self._make(Edit, account=self._account(), order_id=self._order_id(), **changes)

    def _cancel(self) -> Record:
        return self._make(Cancel, account=self._account(), order_id=self._order_id())

    def _refer(self) -> Record:
        band = self._random.choice([(None, None), (80, 120), (95, 105)])
        reference = Reference(self._name(), self._price(), self._price(), *band)
        return self._make(Instruct, demand=reference)

    def _quote(self) -> Record:
        random = self._random
        quotes = tuple(
            Quote(
                self._name(),
                random.choice([None, QuoteSide(random.choice([0, 1, 5]), self._price())]),
                random.choice([None, QuoteSide(random.choice([0, 1, 5]), self._price(), post_only=True)]),
            )
            for _ in range(random.randint(1, 3))
        )
        return self._make(MassQuote, account=self._account(), mmp_group="", quotes=quotes, connection=1)

    def _cancel_many(self) -> Record:
        record: dict[str, Any] = self._random.choice(
            [{}, {"instrument": self._name()}, {"label": "a"}, {"type": "trigger_all"}, {"quotes_only": True}]
        )
        return self._make(CancelMany, account=self._account(), **record)

    def _close_position(self) -> Record:
        return self._make(ClosePosition, account=self._account(), instrument=self._name(), type="market")

    def _protect(self, account: int) -> Record:
        limits = {"trade_count_limit": self._random.randint(1, 3), "quantity_limit": 20.0}
        return self._make(
            SetProtection, account=account, index_name=SIMPLE.index_name, frozen_ns=STEP_NS,
            interval_ns=self._random.choice([0, STEP_NS, STEP_NS]), **limits,
        )  # fmt: skip

    def _connection(self) -> Record:
        account, connection = self._account(), self._random.choice([1, 2])
        one: dict[str, Any] = {"account": account, "connection": connection}
        kind, fields = self._random.choice(
            [
                (Connected, one),
                (SetCancelOnDisconnect, one | {"enabled": True}),
                (SetCancelOnDisconnect, {"account": account, "enabled": self._random.random() < 0.5}),
                (Disconnected, one),
            ]
        )
        return self._make(kind, **fields)

    def _rare(self) -> Record:
        account, name, random = self._account(), self._name(), self._random
        opened = OpenBook(msgspec.structs.replace(SIMPLE, name=name))
        kind, fields = random.choice(
            [
                (Tick, {}),
                (
                    SetSelfTrading,
                    {"account": account, "mode": random.choice(["reject_taker", "cancel_maker"])},
                ),
                (ResetProtection, {"account": account, "index_name": SIMPLE.index_name}),
                (Instruct, {"demand": CancelAll(account, "risk_mitigation")}),
                (Instruct, {"demand": CloseBook(name, random.choice(["", "settlement"]))}),
                *[(Instruct, {"demand": opened})] * 4,
            ]
        )
        if random.random() < 0.3:
            return self._protect(account)
        return self._make(kind, **fields)


def outputs_of(exchange: Exchange, records: Iterable[Record]) -> bytes:
    """Everything that comes of the records, as bytes."""
    encode = msgspec.json.Encoder().encode
    entries = [[type(each).__name__, each] for record in records for each in exchange.submit(record)]
    return b"\n".join(encode(each) for each in entries)


if __name__ == "__main__":
    everything = outputs_of(Exchange(NoRiskCheck()), Stream(int(sys.argv[1])).records(int(sys.argv[2])))
    print(len(everything), hashlib.sha256(everything).hexdigest())
