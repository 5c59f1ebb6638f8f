"""Compressed frames: what every implementation of permessage-deflate unpacks, each by itself."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from deltawire.wire.deflate import WINDOW_BITS, deflated, deflated_frame
from tests.support.frames import TEXT, take_frames


@given(st.binary(max_size=2000) | st.text(alphabet="ab0,", max_size=20_000).map(str.encode))
def test_a_message_is_unpacked_alone_with_the_window_promised(payload: bytes) -> None:
    unpacked = zlib.decompressobj(-WINDOW_BITS).decompress(deflated(payload) + b"\x00\x00\xff\xff")
    assert unpacked == payload


def test_a_frame_is_marked_where_it_is_compressed_and_plain_where_that_is_shorter() -> None:
    small, large = deflated_frame(b"x"), deflated_frame(b"x" * 1000)
    assert (small[0], large[0]) == (0x80 | TEXT, 0xC0 | TEXT)
    assert len(large) < 40
    assert take_frames(bytearray(small))[0].payload == b"x"
