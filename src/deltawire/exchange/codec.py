"""Encodes records as JSON with the name of their type; the same record gives the same bytes."""

from functools import reduce
from operator import or_
from typing import Any, get_args

import msgspec

from deltawire.exchange.orders.records import MatchingRecord
from deltawire.exchange.ports import Record


class Codec:
    """Encodes and decodes the records of matching and those in `own`."""

    def __init__(self, *own: type[Record]) -> None:
        every: Any = reduce(or_, (*get_args(MatchingRecord), *own))
        self._decode = msgspec.json.Decoder(every).decode
        self.encode = msgspec.json.Encoder().encode

    def decode(self, payload: bytes) -> Record:
        """Decode a record; `msgspec.DecodeError` if it is not a known one."""
        record: Record = self._decode(payload)
        return record
