"""WebSocket frames as the server makes them."""

import pytest

from deltawire.wire import frames
from tests.support.frames import Frame, take_frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_of_any_size_is_read_back_whole(size: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    data = bytearray(frames.text_frame(payload[:size]))
    assert take_frames(data) == [Frame(frames.TEXT, payload[:size])]
    assert not data


@pytest.mark.parametrize(
    ("size", "head"),
    [(125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e"), (65_536, b"\x81\x7f" + (65_536).to_bytes(8, "big"))],
)
def test_lengths_take_the_shortest_of_the_three_forms(size: int, head: bytes) -> None:
    assert frames.text_frame(b"x" * size).startswith(head + b"x")


def test_the_opcode_is_in_an_unmasked_final_frame() -> None:
    assert frames.frame(frames.PING, b"hi") == b"\x89\x02hi"
