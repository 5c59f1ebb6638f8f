"""The same recording gives every client the same bytes, whenever and however fast it is played."""

import json
import time
from collections.abc import Iterator

import pytest

from deltawire.recording import RecordingEntry
from deltawire.sources.replay import play
from deltawire.testing.recordings import PERPETUAL, make_recording
from deltawire.venues import make_venue
from tests.support.frames import TEXT
from tests.support.gateway_server import GatewayServer, RawClient

CHANNELS = [
    f"book.{PERPETUAL.name}.raw",
    f"book.{PERPETUAL.name}.100ms",
    f"book.{PERPETUAL.name}.none.10.100ms",
    f"trades.{PERPETUAL.name}.raw",
    f"ticker.{PERPETUAL.name}.100ms",
    f"quote.{PERPETUAL.name}",
    f"status.{PERPETUAL.name}",
    "instrument.state.any.any",
]


@pytest.fixture(scope="module")
def records() -> list[RecordingEntry]:
    """Twelve seconds, in which one frame of the book is lost."""
    return list(make_recording(seed=2, steps=300, losses=(150,)))


def told(records: list[RecordingEntry], headers: dict[str, str], pauses: Iterator[float]) -> list[bytes]:
    """Every frame that a client of a server gets while it is fed a recording, with pauses in between."""
    frames: list[bytes] = []
    with GatewayServer(epoch="same") as server, RawClient(server.port) as client:
        assert " 101 " in client.handshake(headers=headers)
        batches = list(play(records, make_venue("deribit")))
        listed = next(at for at, batch in enumerate(batches) if batch.events) + 1
        for batch in batches[:listed]:
            server.feed(list(batch.events))
        server.wait_until(lambda: server.app.market.find(PERPETUAL.name) is not None)
        client.request("public/subscribe", "join", channels=CHANNELS)
        first = client.message()
        assert first["result"] == CHANNELS
        for batch in batches[listed:]:
            server.feed(list(batch.events))
            time.sleep(next(pauses))
        done = server.ask(lambda: server.sources["deribit"]._queue)
        server.wait_until(done.empty)
        client.request("public/unsubscribe_all", "leave")
        while (frame := client.frame()).opcode != TEXT or b'"leave"' not in frame.payload:
            frames.append(frame.payload)
    return frames


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-WebSocket-Extensions": "permessage-deflate"},
        {"Sec-WebSocket-Protocol": "deltawire.v1+proto"},
    ],
    ids=["json", "deflate", "proto"],
)
def test_the_same_recording_gives_the_same_bytes(
    records: list[RecordingEntry], headers: dict[str, str]
) -> None:
    at_once = told(records, headers, iter(lambda: 0.0, 1.0))
    with_pauses = told(records, headers, (0.02 if number % 37 == 0 else 0.0 for number in range(10**6)))
    assert len(at_once) > 500
    assert at_once == with_pauses
    if not headers:
        kinds = {json.loads(frame)["params"]["channel"] for frame in at_once}
        assert kinds == set(CHANNELS) - {"instrument.state.any.any"}
        assert any(b'"stale"' in frame for frame in at_once)
