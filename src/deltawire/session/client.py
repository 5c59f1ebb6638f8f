"""The client's side of a connection, and the books that it keeps. Pure: frames in, answers and notifications out."""

from heapq import nlargest, nsmallest
from itertools import chain
from typing import Any
from zlib import crc32

import msgspec

from deltawire.access.access import TOO_MANY_REQUESTS
from deltawire.dialect.grammar import ResumePosition
from deltawire.errors import NOT_DECODED, FeedError, RequestError
from deltawire.model.numbers import unit
from deltawire.wire.notifications import Stamps
from deltawire.wire.protobuf import ProtoDecoder

CHECKED_LEVELS = 10
PASSING = (TOO_MANY_REQUESTS, 13028)
"""Errors after which the same request may succeed: too many requests, temporarily unavailable."""


class Answer(msgspec.Struct, frozen=True):
    """The answer to a call: `error` is None if there is a `result`.

    `recovered` says for each resumed channel whether all missed notifications follow.
    """

    id: int
    result: Any = None
    error: RequestError | None = None
    recovered: dict[str, bool] = {}


class Notification(msgspec.Struct, frozen=True):
    """One notification of a channel; `prev_seq` is the `seq` of the one before within an `epoch`.

    An image follows nothing: its `prev_seq` is None.
    """

    channel: str
    data: Any
    epoch: str = ""
    seq: int = 0
    conflated: int = 1
    """How many notifications it stands for: more than one to a reader who had fallen behind."""
    prev_seq: int | None = None
    stamps: Stamps | None = None
    """When what it tells happened, was seen and was sent, where that was asked for."""
    received_ns: int = 0
    """When it came here."""


class TestRequest(msgspec.Struct, frozen=True):
    """The server asks for a sign of life: call `public/test`."""


class _Params(msgspec.Struct):
    channel: str = ""
    data: Any = None
    epoch: str = ""
    seq: int = 0
    prev_seq: int | None = None
    conflated: int = 1
    type: str = ""
    venue_ns: int = 0
    seen_ns: int = 0
    sent_ns: int = 0

    @property
    def stamps(self) -> Stamps | None:
        """The stamps, or None."""
        return Stamps(self.venue_ns, self.seen_ns, self.sent_ns) if self.sent_ns or self.seen_ns else None


class _Error(msgspec.Struct):
    code: int
    message: str
    data: Any = None


class _Frame(msgspec.Struct):
    id: int | None = None
    method: str = ""
    params: _Params | None = None
    result: Any = None
    error: _Error | None = None
    recovered: dict[str, bool] = {}


_LEAVING = ("public/unsubscribe", "private/unsubscribe", "public/unsubscribe_all", "private/unsubscribe_all")


class ClientSession:
    """Numbers requests, matches answers, and checks the sequence of every channel.

    A channel without an epoch has no sequence (Deribit's own); a channel that was left starts again with its image.
    """

    _decode = msgspec.json.Decoder(_Frame).decode

    def __init__(self) -> None:
        self._last_id = 0
        self._last_seq: dict[str, tuple[str, int]] = {}
        self._leaving: set[int] = set()
        self._lost: list[tuple[str, ResumePosition]] = []
        self._binary = ProtoDecoder()

    def call(self, method: str, params: dict[str, Any]) -> tuple[int, bytes]:
        """The id and the frame of a request."""
        self._last_id += 1
        if method in _LEAVING:
            self._leaving.add(self._last_id)
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        return self._last_id, msgspec.json.encode(request)

    def reconnected(self) -> dict[str, ResumePosition]:
        """Prepare for a new connection; returns the last position of each channel."""
        self._leaving.clear()
        self._binary = ProtoDecoder()
        return self.positions()

    def positions(self) -> dict[str, ResumePosition]:
        """How far each channel has come."""
        return {channel: ResumePosition(*last) for channel, last in self._last_seq.items()}

    def take_lost(self) -> list[tuple[str, ResumePosition]]:
        """The channels that a server could not resume since the last call, and the positions that were asked for."""
        lost, self._lost = self._lost, []
        return lost

    def forget(self, channel: str) -> None:
        """Forget the position of a channel."""
        self._last_seq.pop(channel, None)

    def received(self, frame: bytes | str) -> Answer | Notification | TestRequest | None:
        """Decode a frame; `FeedError` if it breaks the sequence of a channel, or refuses an unnamed request."""
        try:
            message = self._decode(frame)
        except NOT_DECODED as error:
            raise FeedError(f"not an answer of this dialect: {error}", retry=False) from error
        if message.id is not None:
            return self._answer(message)
        if message.method == "subscription" and message.params is not None:
            return self._notification(message.params)
        if (refusal := _request_error(message.error)) is not None:
            raise FeedError(f"the server could not read a request: {refusal}", retry=refusal.retry)
        if message.method == "joined" and message.params is not None:
            self._last_seq[message.params.channel] = (message.params.epoch, message.params.seq)
            return None
        if (
            message.method == "heartbeat"
            and message.params is not None
            and message.params.type == "test_request"
        ):
            return TestRequest()
        return None

    def received_binary(self, frame: bytes) -> Notification | None:
        """Decode a binary frame; None if it only opens a channel."""
        decoded = self._binary.decode(frame)
        if decoded is None:
            return None
        stamps = {} if decoded.stamps is None else msgspec.structs.asdict(decoded.stamps)
        return self._notification(
            _Params(
                decoded.channel,
                decoded.data,
                decoded.epoch,
                decoded.seq,
                decoded.prev_seq,
                decoded.conflated,
                **stamps,
            )
        )

    def _answer(self, message: _Frame) -> Answer:
        number = message.id or 0
        if number in self._leaving:
            self._leaving.discard(number)
            self._left(message.result)
        for channel, recovered in message.recovered.items():
            if not recovered and (last := self._last_seq.pop(channel, None)):
                self._lost.append((channel, ResumePosition(*last)))
        return Answer(number, message.result, _request_error(message.error), message.recovered)

    def _left(self, result: Any) -> None:
        """`unsubscribe` answers with the channels left, `unsubscribe_all` with "ok"; both are None for an error."""
        for channel in result if isinstance(result, list) else list(self._last_seq) if result else ():
            self._last_seq.pop(channel, None)

    def _notification(self, params: _Params) -> Notification:
        if not params.epoch:
            return Notification(params.channel, params.data)
        before = self._last_seq.get(params.channel)
        follows = before is None or before[0] != params.epoch or params.prev_seq in (None, before[1])
        if before is not None and not follows:
            raise FeedError(
                f"{params.channel}: seq {params.seq} follows {params.prev_seq}, not {before[1]}", retry=True
            )
        self._last_seq[params.channel] = (params.epoch, params.seq)
        return Notification(
            params.channel,
            params.data,
            params.epoch,
            params.seq,
            params.conflated,
            params.prev_seq,
            params.stamps,
        )


class BookMirror:
    """A book built from `book.X.{raw,100ms,agg2}` notifications; raises `FeedError` if one does not fit.

    `bids` and `asks` are sizes by price. `complete_to` is the lowest bid and the highest ask up to which every level is
    known, None if the whole side is; `best` returns only levels within. `state` is the server's state of the book. If
    the server sends a checksum, the book is compared with it, unless `verify` is false.
    """

    def __init__(self, *, verify: bool = True) -> None:
        self.verify = verify
        self.checksum: int | None = None
        self._units = (1, 1)
        self._edges: tuple[float | None, float | None] = (None, None)
        self._levels = 0
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.change_id: int | None = None
        self.timestamp = 0
        self.state = "syncing"
        self.reason = ""
        self.detail = ""

    def apply(self, data: dict[str, Any]) -> None:
        """Apply one notification; `FeedError` if it does not continue the book."""
        if data["type"] == "snapshot":
            self.bids.clear()
            self.asks.clear()
            self.state, self.reason, self.detail = "live", "", ""
        elif data["prev_change_id"] != self.change_id:
            raise FeedError(f"change {data['prev_change_id']} does not follow {self.change_id}", retry=True)
        for side, rows in ((self.bids, data["bids"]), (self.asks, data["asks"])):
            for action, price, amount in rows:
                _act(side, action, price, amount)
        self._take_range(data)
        self.change_id, self.timestamp = data["change_id"], data["timestamp"]
        if "status" in data:
            status = data["status"]
            self.state, self.reason = status["state"], status.get("reason", "")
            self.detail = status.get("detail", "")

        if "price_exponent" in data:
            self._units = unit(data["price_exponent"]), unit(data["size_exponent"])
        self.checksum = data.get("checksum")
        if self.verify and self.checksum is not None and self.checksum != (computed := self._crc()):
            raise FeedError(
                f"checksum {computed} at change {self.change_id}, not {self.checksum}", retry=True
            )

    def _take_range(self, data: dict[str, Any]) -> None:
        if data["type"] == "snapshot" or "complete_to" in data or "complete_levels" in data:
            bid, ask = data.get("complete_to", (None, None))
            self._edges, self._levels = (bid, ask), data.get("complete_levels", 0)

    @property
    def complete_to(self) -> tuple[float | None, float | None]:
        """The lowest bid and the highest ask up to which every level is known; None: to the end of the side."""
        bid, ask = self._edges
        if self._levels and len(self.bids) >= self._levels:
            bid = nlargest(self._levels, self.bids)[-1]
        if self._levels and len(self.asks) >= self._levels:
            ask = nsmallest(self._levels, self.asks)[-1]
        return bid, ask

    def _crc(self) -> int:
        """CRC32 over the digits of price and size, in ticks and lots, of the best ten asks, then the best ten bids."""
        per_price, per_size = self._units
        best = chain(
            nsmallest(CHECKED_LEVELS, self.asks.items()), nlargest(CHECKED_LEVELS, self.bids.items())
        )
        digits = [f"{round(price * per_price)}{round(size * per_size)}" for price, size in best]
        return crc32("".join(digits).encode())

    def best(self, depth: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """The best levels of both sides, best first, as far as they are known."""
        low, high = self._edges
        bids = [
            level for level in sorted(self.bids.items(), reverse=True)[:depth] if not low or level[0] >= low
        ]
        asks = [level for level in sorted(self.asks.items())[:depth] if not high or level[0] <= high]
        return bids, asks


def _act(side: dict[float, float], action: str, price: float, amount: float) -> None:
    if (action == "new") == (price in side):
        raise FeedError(
            f"{action} at {price}, which {'exists' if price in side else 'does not exist'}", retry=True
        )
    if action == "delete":
        del side[price]
    else:
        side[price] = amount


def _request_error(error: _Error | None) -> RequestError | None:
    if error is None:
        return None
    data = error.data if isinstance(error.data, dict) else {}
    return RequestError(
        error.code,
        error.message,
        reason=str(data.get("reason", "")),
        param=str(data.get("param", "")),
        retry=error.code in PASSING,
    )
