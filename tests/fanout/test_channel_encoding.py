"""A channel in an encoding: what is private is never compressed, however its reader takes the rest."""

import msgspec
import pytest

from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.channel_encoding import DEFLATE, ChannelEncoding
from deltawire.fanout.history import HistoryPool, RetentionPolicy
from deltawire.wire.deflate import RSV1


@pytest.mark.parametrize(
    ("name", "account", "compressed"),
    [("user.orders.any.any.raw", 7, False), ("trades.any.any.raw", None, True)],
)
def test_only_what_is_public_is_compressed(name: str, account: int | None, *, compressed: bool) -> None:
    key = parse_channel(name)
    assert key is not None
    if account is not None:
        key = msgspec.structs.replace(key, account=account)
    frame = ChannelEncoding(key, "epoch", 1, DEFLATE, HistoryPool(RetentionPolicy())).add(
        1, 0, {"label": "secret " * 100}, None
    )
    assert bool(frame[0] & RSV1) is compressed
    assert (b"secret secret" in frame) is not compressed
