"""Records as bytes and back. JSON with each record's name in it; the same record gives the same bytes."""

from functools import reduce
from operator import or_
from typing import Any, get_args

import msgspec

from deltawire.exchange.orders.records import MatchingRecord
from deltawire.exchange.ports import Record


class Codec:
    """Knows matching's records and those of `own`."""

    def __init__(self, *own: type[Record]) -> None:
        every: Any = reduce(or_, (*get_args(MatchingRecord), *own))
        self._decode = msgspec.json.Decoder(every).decode
        self.encode = msgspec.json.Encoder().encode

    def decode(self, payload: bytes) -> Record:
        """The record; `msgspec.DecodeError` when it is none that is known."""
        record: Record = self._decode(payload)
        return record
