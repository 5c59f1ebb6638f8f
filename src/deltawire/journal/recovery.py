"""Start-up: an exchange and the past of accounts and market become what the journal says they were."""

import msgspec

from deltawire.errors import JournalError
from deltawire.exchange.accounts.history import AccountHistory
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.market_past import MarketPast
from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.snapshots import freeze, thaw
from deltawire.journal.journal import Journal, written_later

STATE_VERSION = 2
"""What a snapshot holds; 1 is that of deltawire 0.1.0, which is read as well."""


class _Saved(msgspec.Struct, frozen=True):
    exchange: bytes
    history: bytes
    market: bytes = b""
    version: int = 1


def save(exchange: Exchange, history: AccountHistory, market: MarketPast | None = None) -> bytes:
    """The state of all, for a snapshot of the journal."""
    past = b"" if market is None else market.freeze()
    return msgspec.msgpack.encode(_Saved(freeze(exchange), history.freeze(), past, STATE_VERSION))


def recover(
    exchange: Exchange,
    history: AccountHistory,
    codec: Codec,
    journal: Journal,
    market: MarketPast | None = None,
) -> int:
    """Load the snapshot and replay the later records; returns their number.

    `JournalError` for damage, for bytes that are not a record, and for a record that is refused now: it was accepted
    before, so another exchange wrote the journal.
    """
    if journal.snapshot is not None:
        try:
            saved = msgspec.msgpack.decode(journal.snapshot.state, type=_Saved)
            if saved.version > STATE_VERSION:
                raise JournalError(
                    f"snapshot {journal.snapshot.sequence}",
                    "",
                    written_later("state", saved.version, STATE_VERSION),
                )
            thaw(exchange, saved.exchange)
            history.thaw(saved.history)
            if market is not None and saved.market:
                market.thaw(saved.market)
        except msgspec.DecodeError as error:
            raise JournalError(
                f"snapshot {journal.snapshot.sequence}", "", f"not a valid state: {error}"
            ) from error
    count = 0
    for sequence, payload in journal.records():
        try:
            outputs = exchange.submit(codec.decode(payload), replayed=True)
        except msgspec.DecodeError as error:
            raise JournalError(f"record {sequence}", "", f"cannot be read: {error}") from error
        if outputs and isinstance(outputs[-1], Rejection):
            raise JournalError(f"record {sequence}", "", f"was refused in the replay: {outputs[-1].message}")
        history.apply(outputs)
        if market is not None:
            market.apply(outputs)
        count += 1
    return count
