"""Requests that a stranger might send: right ones, at their bounds, of the wrong type, or absurd."""

import json
import time
from random import Random
from typing import Any

import msgspec

import deltawire.session.server  # noqa: F401  (fills the table of methods)
from deltawire.dialect.families import KINDS, RESOLUTIONS
from deltawire.session.table import METHODS

ORDER = [
    "instrument_name",
    "amount",
    "contracts",
    "type",
    "label",
    "price",
    "time_in_force",
    "display_amount",
    "max_show",
    "post_only",
    "reject_post_only",
    "reduce_only",
    "trigger_price",
    "trigger_offset",
    "trigger",
    "trigger_fill_condition",
    "advanced",
    "mmp",
    "valid_until",
    "linked_order_type",
    "otoco_config",
    "order_id",
    "unique_label",
]
ENDS_TALK = {"private/logout", "public/auth"}
CURRENCIES = ("BTC", "ETH", "USDC", "any", "btc", "USDT", "XXX", "")
INSTRUMENTS = ("BTC-PERPETUAL", "ETH-PERPETUAL", "BTC_USDC-PERPETUAL", "ETH_USDC-PERPETUAL")
PLACES = ("raw", "100ms", "agg2")
TEXTS = (
    "",
    "x",
    "a" * 64,
    "a" * 65,
    "\0",
    "*",
    "BTC-*",
    "ü\u2028\U0001f600",
    "%s%n",
    "../../etc/passwd",
    "-1",
    "1e5",
    "NaN",
)
NUMBERS = (
    0,
    -0.0,
    1,
    -1,
    10,
    0.5,
    1e-9,
    1e15,
    1e300,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
)
ACCOUNTS = (1, 1, *range(500_000, 500_008))
"""The bot's own number, and those of sub-accounts that it has opened, or has not."""
UIDS = ("sid", "subaccount_id", "destination", "source", "source_uid", "target_uid", "subject_id")
ABSURD = (None, True, [], {}, [[]], {"a": {"b": []}}, ["x"] * 50, {"x": 1})
WORDS = {
    "currency": CURRENCIES,
    "instrument_name": INSTRUMENTS,
    "kind": (*KINDS, "future", "option"),
    "type": (
        "all",
        "limit",
        "market",
        "stop_limit",
        "stop_market",
        "take_limit",
        "trailing_stop",
        "market_limit",
    ),
    "sorting": ("asc", "desc", "default"),
    "resolution": tuple(RESOLUTIONS),
    "time_in_force": ("good_til_cancelled", "good_til_day", "fill_or_kill", "immediate_or_cancel"),
    "trigger": ("index_price", "mark_price", "last_price"),
    "linked_order_type": ("one_triggers_other", "one_cancels_other", "one_triggers_one_cancels_other"),
    "scope": ("connection", "account"),
    "mode": ("reject_taker", "cancel_maker"),
    "index_name": ("btc_usd", "eth_usd", "btc_usdc"),
    "mmp_group": ("", "g"),
    "label": ("l", "m", "x" * 64),
    "count": (1, 10, 100, 1000, 1001),
    "depth": (1, 5, 10, 1000, 10_000),
    "amount": (10, 100, 1000, 0.1),
    "price": (50_000, 60_000, 1, 0.01, 70_000.5),
    "interval": (10, 30, 5),
    "order_id": tuple(f"{coin}-{number}" for coin in ("BTC", "ETH") for number in range(1, 40)),
    "continuation": (*map(str, range(1, 30)), "ETH-3", 5, ""),
    "length": ("8h", "24h", "1m"),
    "name": ("hedge", "bot_1", "bot_2", "other_1", ""),
    "range": ("1h", "1d", "2d", "1m", "1y", "all"),
    "state": ("enable", "disable"),
    "grant_type": ("client_credentials", "client_signature", "refresh_token", "password"),
}


class Inventor:
    """Requests by a seed; `instruments` are names that are there."""

    def __init__(self, seed: int, instruments: tuple[str, ...] = INSTRUMENTS) -> None:
        self.random = Random(seed)
        self.instruments = instruments
        self.methods = sorted(METHODS)

    def request(self, number: int, *, may_end: bool = False) -> bytes:
        """One request as text, now and then not even that."""
        pick = self.random
        if pick.random() < 0.02:
            return self._noise()
        method, params = self.call(may_end=may_end)
        frame: dict[str, Any] = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        if pick.random() < 0.02:
            frame.pop(pick.choice(list(frame)))
        if pick.random() < 0.02:
            frame[pick.choice(list(frame) or ["id"])] = self._any()
        return json.dumps(frame).encode("utf-8", "surrogatepass")

    def call(self, *, may_end: bool = False) -> tuple[str, dict[str, Any]]:
        """A method and parameters."""
        pick = self.random
        method = pick.choice(self.methods)
        while method in ENDS_TALK and not may_end:
            method = pick.choice(self.methods)
        params = {name: self._value(name) for name in self._fields(method) if pick.random() < 0.8}
        if pick.random() < 0.1 and params:
            params[pick.choice(list(params))] = self._any()
        return method, params

    def channels(self, most: int) -> list[str]:
        """Channel names, right ones and others."""
        return [self._channel() for _ in range(self.random.randint(1, most))]

    def _fields(self, method: str) -> list[str]:
        params = METHODS[method].params
        if not isinstance(params, type) or not issubclass(params, msgspec.Struct):
            return list(ORDER)
        return [field.name for field in msgspec.structs.fields(params)]

    def _value(self, name: str) -> Any:
        pick = self.random
        if pick.random() < 0.15:
            return self._any()
        if name == "channels":
            return self.channels(20)
        if name == "instrument_name":
            return pick.choice(self.instruments)
        if name in UIDS:
            return pick.choice(ACCOUNTS)
        if name == "trades":
            return [self._part() for _ in range(pick.choice((0, 1, 1, 2, 30)))]
        if name == "ids":
            return [self._value("order_id") for _ in range(pick.choice((0, 1, 5, 101)))]
        if name == "simulated_positions":
            return {
                pick.choice(self.instruments): pick.choice((10, -10, 0.1, pick.choice(NUMBERS)))
                for _ in range(pick.randint(0, 4))
            }
        if name == "resume":
            return {
                self._channel(): {"epoch": "e", "seq": pick.choice(NUMBERS)}
                for _ in range(pick.randint(0, 5))
            }
        if name == "quotes":
            return [self._quote() for _ in range(pick.choice((0, 1, 3, 100, 101)))]
        if name == "otoco_config":
            return [self._linked() for _ in range(pick.choice((0, 1, 2, 3)))]
        if name.endswith("timestamp"):
            return int(time.time() * 1000) + pick.choice((0, -1, -60_000, -86_400_000, -(10**12), 10**12))
        if name in WORDS:
            return pick.choice(WORDS[name])
        return pick.choice((True, False, pick.choice(NUMBERS), pick.choice(TEXTS)))

    def _any(self) -> Any:
        pick = self.random
        return pick.choice((pick.choice(TEXTS), pick.choice(NUMBERS), pick.choice(ABSURD)))

    def _part(self) -> dict[str, Any]:
        """A part of a position, to be moved."""
        part = {name: self._value(name) for name in ("instrument_name", "amount")}
        return part | ({"price": self._value("price")} if self.random.random() < 0.3 else {})

    def _quote(self) -> dict[str, Any]:
        side = {"amount": self._value("amount"), "price": self._value("price")}
        return {
            "instrument_name": self._value("instrument_name"),
            "bid": side,
            "ask": side,
            "quote_set_id": "s",
        }

    def _linked(self) -> dict[str, Any]:
        names = ("direction", "amount", "price", "type", "trigger", "trigger_price")
        return {name: "sell" if name == "direction" else self._value(name) for name in names}

    def _channel(self) -> str:
        pick = self.random
        name = pick.choice((*self.instruments, "*", "BTC-*", "*-P", "\0", pick.choice(TEXTS)))
        place = pick.choice(PLACES)
        of_kind = f"{pick.choice(KINDS)}.{pick.choice(CURRENCIES)}"
        return pick.choice(
            (
                f"book.{name}.{place}",
                f"book.{name}.{pick.choice(('none', '1', '10', '250'))}.{pick.choice((1, 10, 20))}.{place}",
                f"trades.{name}.{place}",
                f"trades.{of_kind}.{place}",
                f"ticker.{name}.{place}",
                f"quote.{name}",
                f"chart.trades.{name}.{pick.choice(list(RESOLUTIONS))}",
                f"user.orders.{of_kind}.raw",
                f"user.changes.{name}.raw",
                "user.portfolio.any",
                f"deribit_price_index.{pick.choice(TEXTS)}",
                f"status.{name}",
                pick.choice(TEXTS),
            )
        )

    def _noise(self) -> bytes:
        pick = self.random
        return pick.choice(
            (
                b"",
                b"{",
                b"[" * pick.randint(1, 5000),
                b'{"a":' * pick.randint(1, 3000) + b"1",
                b'{"id":1,"method":"public/test","params":{"x":' + b"[" * 500 + b"]" * 500 + b"}}",
                b'{"id":' + b"7" * pick.randint(1, 6000) + b',"method":"public/test"}',
                b"null",
                b"[]",
                b" " * 40_000,
            )
        )
