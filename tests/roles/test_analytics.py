"""Analytics of a recording through the whole server and the Python client: equal to the library's, every time."""

import asyncio
from pathlib import Path

import msgspec
import pytest

import deltawire
from deltawire.analytics.book_metrics import ImbalanceMetric
from deltawire.analytics.channel_data import imbalance_data
from deltawire.ports import Batch
from deltawire.roles.gateway import App
from deltawire.session.client import Notification
from deltawire.testing.recordings import make_recording, write_log
from tests.support.gateway_server import HandFedSource
from tests.support.market_events import VENUE, ScriptedBook
from tests.support.subscribers import Inbox, join
from tests.support.waiting import HANG_S

NAME = "BTC-PERPETUAL"
CHANNELS = [f"{family}.{NAME}.100ms" for family in ("imbalance", "depth", "prices")]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A connection that loses a frame on the way."""
    return write_log(
        make_recording(7, steps=3000, losses=(700,)), tmp_path_factory.mktemp("log") / "deribit.ws.1.1"
    )


async def notifications(recording: Path) -> list[tuple[str, bytes]]:
    """What a client gets of a replay: channels, and data as bytes."""
    found: list[tuple[str, bytes]] = []
    async with (
        asyncio.timeout(HANG_S),
        deltawire.open(f"replay:{recording}?venue=deribit&speed=0") as connection,
    ):
        async for item in await connection.subscribe(*CHANNELS):
            assert isinstance(item, Notification)
            found.append((item.channel, msgspec.json.encode(item.data)))
    return found


async def test_a_replay_says_the_same_bytes_again_and_what_the_library_computes(recording: Path) -> None:
    found = await notifications(recording)
    assert found == await notifications(recording)
    metric = ImbalanceMetric(f"deribit:{NAME}", 100_000_000)
    expected = [
        msgspec.json.encode(imbalance_data(NAME, reading))
        for event in deltawire.replay(recording, "deribit")
        for reading in metric.update(event)
    ]
    told = [data for channel, data in found if channel == CHANNELS[0]]
    live = [data for data in told if b'"state":"live"' in data]
    assert len(live) > 20
    assert live == expected
    assert b'"reason":"gap"' in b"".join(told)


async def test_who_subscribes_while_a_book_is_stale_is_told_so_without_an_event() -> None:
    book, source = ScriptedBook(), HandFedSource()
    app, inbox = App([source]), Inbox()
    await app.publish(Batch(VENUE, book.now_ns, book.image({1000: 1}, {1001: 1})))
    await app.publish(Batch(VENUE, book.now_ns, [book.stale()]))
    join(app.hub, inbox, CHANNELS[0])
    assert inbox.data(CHANNELS[0]) == []
    await app.publish(Batch(VENUE, book.now_ns + 1, []))
    app.hub.flush()
    assert [(each["state"], each["reason"]) for each in inbox.data(CHANNELS[0])] == [("stale", "gap")]
