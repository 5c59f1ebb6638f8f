"""Whatever a server sends is recorded as it came, and ends nothing."""

from pathlib import Path

import pytest

from deltawire.recording import Recording
from deltawire.recording.recorder import Recorder
from deltawire.roles.recording import DialectRecording

FRAMES = [
    b"", b"\xff\xfe", b"[" * 100_000, b'{"id":"\xaf"}', b'{"id":[1]}', b'{"id":{}}', b'{"id":1e999}', b'{"id":3}',
    b'{"id":3,"result":{"x":"\xaf"}}', b'{"id":3,"result":[1]}', b'{"id":3,"error":{"code":"x"}}', b'{"params":[]}',
    b'{"method":"subscription","params":{"channel":"instrument.state.any.any","data":"\xaf"}}', b"{}\n{}", b"null",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(2))
def test_garbage_is_recorded_and_ends_nothing(tmp_path: Path, seed: int) -> None:
    recorder = Recorder(tmp_path)
    conversation = DialectRecording(recorder, "deribit/1", url="ws://somewhere", channels=["book.X"])
    conversation.opened(10)
    for number, frame in enumerate(FRAMES[:: 1 - 2 * seed]):
        conversation.received(frame, 11 + number)
    recorder.close()
    (file,) = tmp_path.glob("raw/deribit/1/*")
    received = [record.payload for record in Recording(file).records() if record.kind == "received"]
    assert received == FRAMES[:: 1 - 2 * seed]
