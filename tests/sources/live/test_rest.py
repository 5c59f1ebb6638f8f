"""The REST client on real sockets: kept connections, odd endings, and nothing that hangs."""

import asyncio

import pytest

from deltawire.sources.live.rest import RestClient, RestError
from deltawire.testing.venue_server import Fault, VenueServer

LIST = "/fapi/v1/exchangeInfo"


async def request_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def test_a_connection_is_kept_between_requests() -> None:
    accepted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        for number in range(3):
            if not await request_of(reader):
                break
            end = b"connection: close\r\n" if number == 2 else b""
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + end + b"\r\n%02d" % number)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x?y=z"
    client = RestClient()
    bodies = [(await client.get(url)).body for _ in range(5)]
    assert bodies == [b"00", b"01", b"02", b"00", b"01"]
    assert accepted == 2
    await client.close()
    server.close()
    await server.wait_closed()


async def test_status_headers_and_body_are_the_venues() -> None:
    async with VenueServer("binance_usdm") as server:
        client = RestClient()
        answer = await client.get(server.rest + LIST)
        assert answer.status == 200
        assert int(answer.headers["x-mbx-used-weight-1m"]) >= 1
        server.inject(Fault("error", status=429, retry=7))
        answer = await client.get(server.rest + LIST)
        assert answer.status == 429
        assert answer.retry_after_s >= 7
        await client.close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", b"nonsense\r\n\r\n", b"\x00" * 100_000],
)
async def test_an_answer_that_is_none_is_an_error(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = RestClient()
    with pytest.raises(RestError):
        await client.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    await client.close()
    server.close()
    await server.wait_closed()


async def test_nobody_there_is_an_error_that_names_the_host() -> None:
    with pytest.raises(RestError, match=r"127\.0\.0\.1:1: "):
        await RestClient().get("http://127.0.0.1:1/")
