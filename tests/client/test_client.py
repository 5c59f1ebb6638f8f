"""The Python API over a WebSocket: connect, call, subscribe, iterate, and every way in which that fails."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from deltawire.client import Client, connect
from deltawire.client.client import full_url
from deltawire.errors import FeedError, RequestError
from deltawire.session.client import BookMirror, Notification
from tests.support.dialect_server import answer, next_request, notify, scripted_server
from tests.support.gateway_server import GatewayServer, Way
from tests.support.waiting import HANG_S

BOOK, QUOTE = "book.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"


@pytest.fixture(scope="module")
def server(way: Way) -> Iterator[GatewayServer]:
    with GatewayServer(way=way) as running:
        running.go_live()
        yield running


async def take(client: Client, count: int) -> list[Notification]:
    """The next notifications."""
    found: list[Notification] = []
    async with asyncio.timeout(HANG_S):
        async for note in client:
            found.append(note)
            if len(found) == count:
                break
    return found


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("127.0.0.1:8080", "ws://127.0.0.1:8080/ws/api/v2"),
        ("http://host", "ws://host/ws/api/v2"),
        ("https://host:444/", "wss://host:444/ws/api/v2"),
        ("wss://www.deribit.com/ws/api/v2", "wss://www.deribit.com/ws/api/v2"),
        ("ws://host/other?x=1", "ws://host/other?x=1"),
        ("[::1]:9", "ws://[::1]:9/ws/api/v2"),
    ],
)
def test_what_may_be_left_out_of_an_address_is_filled_in(url: str, full: str) -> None:
    assert full_url(url) == full


# With a server.


async def test_a_call_has_its_result(server: GatewayServer) -> None:
    async with connect(server.url) as client:
        (found,) = await client.call("public/get_instruments", currency="BTC")
        assert found["instrument_name"] == "BTC-PERPETUAL"


async def test_calls_may_be_under_way_together(server: GatewayServer) -> None:
    async with connect(server.url) as client:
        calls = [
            client.call("public/get_order_book", instrument_name="BTC-PERPETUAL", depth=depth)
            for depth in (1, 2)
        ]
        one, two = await asyncio.gather(*calls)
        assert [len(one["bids"]), len(two["bids"])] == [1, 2]


async def test_a_refused_call_raises_the_dialects_error(server: GatewayServer) -> None:
    async with connect(server.url) as client:
        with pytest.raises(RequestError) as caught:
            await client.call("public/ticker", instrument_name="NO-SUCH")
        assert (caught.value.code, caught.value.param) == (-32602, "instrument_name")
        assert await client.call("public/test")


async def test_a_subscription_is_iterated_over_image_first(server: GatewayServer) -> None:
    async with connect(server.url) as client:
        assert await client.subscribe(BOOK) == [BOOK]
        server.change(3)
        mirror = BookMirror()
        for note in await take(client, 4):
            assert (note.channel, note.epoch) == (BOOK, "test")
            mirror.apply(note.data)
        assert (mirror.bids, mirror.asks) == server.book.prices()


async def test_calls_work_amid_an_iteration_and_channels_may_be_left_and_joined_again(
    server: GatewayServer,
) -> None:
    async with connect(server.url) as client:
        await client.subscribe(BOOK, QUOTE)
        server.change(2)
        await take(client, 6)
        assert await client.unsubscribe(BOOK) == [BOOK]
        server.change(2)
        assert {note.channel for note in await take(client, 2)} == {QUOTE}
        assert await client.subscribe(BOOK) == [BOOK]
        server.change(1)
        kinds = [note.data["type"] for note in await take(client, 3) if note.channel == BOOK]
        assert kinds == ["snapshot", "change"]


async def test_a_server_that_stops_ends_the_iteration_and_every_call_with_a_reason_to_reconnect() -> None:
    with GatewayServer() as server:
        server.go_live()
        async with connect(server.url) as client:
            await client.subscribe(BOOK)
            await take(client, 1)
            server.stop()
            with pytest.raises(FeedError, match="1001 server stops; reconnect") as caught:
                await take(client, 1)
            assert caught.value.retry
            with pytest.raises(FeedError, match="1001"):
                await client.call("public/test")


async def test_a_channel_that_is_refused_is_named_and_the_others_are_joined(server: GatewayServer) -> None:
    async with connect(server.url) as client:
        with pytest.raises(
            FeedError, match=r"channel does not exist or is not permitted: book\.NO-SUCH\.raw, nonsense$"
        ) as e:
            await client.subscribe(BOOK, "book.NO-SUCH.raw", "nonsense")
        assert not e.value.retry
        assert [note.channel for note in await take(client, 1)] == [BOOK]


# What fails at once.


async def test_a_request_that_the_server_does_not_read_fails_with_its_reason(server: GatewayServer) -> None:
    names = [f"book.BTC-{number}.raw" for number in range(3000)]
    async with asyncio.timeout(HANG_S), connect(server.url) as client:
        with pytest.raises(FeedError, match="more than 32768 bytes") as raised:
            await client.subscribe(*names)
        assert not raised.value.retry


async def test_where_nobody_listens_a_later_attempt_may_help() -> None:
    with pytest.raises(FeedError, match=r"cannot connect to ws://127\.0\.0\.1:9/ws/api/v2: ") as caught:
        async with connect("127.0.0.1:9"):
            pass
    assert caught.value.retry


async def test_where_no_such_server_is_no_attempt_helps(server: GatewayServer) -> None:
    with pytest.raises(FeedError, match=r"cannot connect to .*404") as caught:
        async with connect(server.url.replace("/ws/api/v2", "/nothing/here")):
            pass
    assert not caught.value.retry


@pytest.mark.parametrize(
    "url", ["127.0.0.1:99999", "ftp://127.0.0.1", "ws://[::1", "ws://" + "x" * 70 + ".y", "", "ws://"]
)
async def test_what_is_no_address_is_said_so(url: str) -> None:
    with pytest.raises(FeedError) as caught:
        async with connect(url):
            pass
    assert "\n" not in str(caught.value)


async def test_a_server_that_vanishes_during_the_handshake_may_be_back_later() -> None:
    async def vanish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    listening = await asyncio.start_server(vanish, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(FeedError, match="cannot connect") as caught:
            async with connect(f"127.0.0.1:{port}"):
                pass
    assert caught.value.retry


async def test_a_server_that_is_overloaded_may_be_better_later() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(FeedError, match="503") as caught:
            async with connect(f"127.0.0.1:{port}"):
                pass
    assert caught.value.retry


# What fails later.


async def test_a_slip_in_the_sequence_ends_the_iteration_after_what_was_good() -> None:
    async def script(connection: ServerConnection) -> None:
        for seq in (1, 2, 4, 5):
            await notify(connection, "a", seq, epoch="e", seq=seq, prev_seq=seq - 1)
        await connection.wait_closed()

    async with scripted_server(script) as url, connect(url) as client:
        assert [note.data for note in await take(client, 2)] == [1, 2]
        with pytest.raises(FeedError, match="a: seq 4 follows 3, not 2"):
            await take(client, 1)


async def test_nonsense_ends_the_feed() -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("nonsense")
        await connection.wait_closed()

    async with scripted_server(script) as url, connect(url) as client:
        with pytest.raises(FeedError, match="not an answer of this dialect"):
            await take(client, 1)


async def test_a_connection_that_breaks_ends_calls_that_are_under_way() -> None:
    async def script(connection: ServerConnection) -> None:
        await next_request(connection)
        connection.transport.abort()

    async with scripted_server(script) as url, connect(url) as client:
        with pytest.raises(FeedError, match="without a close frame") as caught:
            await client.call("public/test")
        assert caught.value.retry


async def test_closing_ends_calls_and_iterations_that_are_under_way() -> None:
    async def script(connection: ServerConnection) -> None:
        await next_request(connection)
        waiting.set()
        await connection.wait_closed()

    waiting = asyncio.Event()
    async with scripted_server(script) as url, connect(url) as client:
        tasks = [asyncio.create_task(client.call("public/test")), asyncio.create_task(take(client, 1))]
        await asyncio.wait_for(waiting.wait(), HANG_S)
        await client.close()
        for task in tasks:
            with pytest.raises(FeedError, match="the connection is closed"):
                await asyncio.wait_for(task, HANG_S)


async def test_a_call_that_is_given_up_leaves_the_others_alone() -> None:
    async def script(connection: ServerConnection) -> None:
        first, second = await next_request(connection), await next_request(connection)
        await answer(connection, first, "late")
        await answer(connection, second, "right")
        await connection.wait_closed()

    async with scripted_server(script) as url, connect(url) as client:
        given_up = asyncio.create_task(client.call("first"))
        await asyncio.sleep(0)
        given_up.cancel()
        assert await client.call("second") == "right"
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_a_test_request_is_answered_by_itself() -> None:
    requests: list[dict[str, Any]] = []

    async def script(connection: ServerConnection) -> None:
        await connection.send('{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}')
        for _ in range(3):
            await connection.send('{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}')
            requests.append(await next_request(connection))
            await answer(connection, requests[-1], {"version": "1"})
        await notify(connection, "a", "done")
        await connection.wait_closed()

    async with scripted_server(script) as url, connect(url) as client:
        assert [note.data for note in await take(client, 1)] == ["done"]
    assert [request["method"] for request in requests] == ["public/test"] * 3


async def test_a_connection_that_breaks_at_a_test_request_only_ends_the_feed() -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send('{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}')
        connection.transport.abort()

    async with scripted_server(script) as url, connect(url) as client:
        with pytest.raises(FeedError):
            await take(client, 1)


async def test_notifications_without_sequences_are_followed() -> None:
    async def script(connection: ServerConnection) -> None:
        for number in range(3):
            await notify(connection, "book.X.raw", number)
        await connection.wait_closed()

    async with scripted_server(script) as url, connect(url) as client:
        assert [note.data for note in await take(client, 3)] == [0, 1, 2]
