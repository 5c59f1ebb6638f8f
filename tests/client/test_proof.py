"""A client that takes only what is proven: whoever meddles with the line is found out before anything is believed."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from deltawire.client import Client, Feed, Login, Outage, connect
from deltawire.errors import FeedError, RequestError
from deltawire.session.client import BookMirror, Notification
from tests.client.tampering_proxy import Tamper, tampering_proxy
from tests.support.credentials import ALICE
from tests.support.frames import BINARY, TEXT, Frame
from tests.support.gateway_server import GatewayServer, guarded_server
from tests.support.waiting import HANG_S

BOOK = "book.BTC-PERPETUAL.raw"
LOGIN = Login(ALICE.client_id, ALICE.secret)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GatewayServer]:
    with guarded_server(tmp_path) as running:
        yield running


def is_change(each: Frame, number: int) -> bool:
    return (
        each.opcode in (TEXT, BINARY)
        and b'"change"' in each.payload
        and b'"seq":%d,' % number in each.payload
    )


def once(change: Tamper) -> Tamper:
    """Tamper with the third notification only, and that once."""
    done: list[bool] = []

    def tamper(each: Frame) -> Iterable[Frame]:
        if done or not is_change(each, 3):
            return [each]
        done.append(True)
        return change(each)

    return tamper


TAMPERED: dict[str, Tamper] = {
    "altered": lambda each: [each._replace(payload=each.payload.replace(b'"change"', b'"chance"'))],
    "dropped": lambda each: [],
    "repeated": lambda each: [each, each],
    "added": lambda each: [each, Frame(TEXT, b'{"method":"subscription","params":{"channel":"x","data":1}}')],
    "another kind": lambda each: [each._replace(opcode=BINARY)],
    "a false proof": lambda each: [
        each,
        Frame(TEXT, b'{"jsonrpc":"2.0","method":"mac","params":{"from":1,"to":9,"mac":"\xc3\xa4"}}'),
    ],
}


async def read(client: Client, seqs: list[int]) -> None:
    async with asyncio.timeout(HANG_S):
        async for note in client:
            seqs.append(note.seq)  # noqa: PERF401 (what was taken counts though it ends with an error)


@pytest.mark.parametrize("kind", TAMPERED)
async def test_meddling_ends_the_connection_and_nothing_of_it_is_taken(
    server: GatewayServer, kind: str
) -> None:
    async with (
        tampering_proxy(server.port, once(TAMPERED[kind])) as url,
        connect(url, login=LOGIN, proven=True) as client,
    ):
        seqs: list[int] = []
        assert await client.subscribe(BOOK) == [BOOK]
        reading = asyncio.create_task(read(client, seqs))
        for _ in range(6):
            await asyncio.to_thread(server.change)
        with pytest.raises(FeedError, match="not what the server sent") as caught:
            await reading
        assert caught.value.retry
        assert seqs in ([2, 3, 4], [2])
        with pytest.raises(FeedError, match="not what the server sent"):
            await client.call("public/test")


@pytest.mark.parametrize("binary", [False, True])
async def test_an_honest_line_is_believed(server: GatewayServer, binary: bool) -> None:
    async with connect(server.url, binary=binary, login=LOGIN, proven=True, compress=True) as client:
        mirror = BookMirror()
        await client.subscribe(BOOK)
        await asyncio.to_thread(server.change, 10)
        async with asyncio.timeout(HANG_S):
            async for note in client:
                mirror.apply(note.data)
                if mirror.change_id == server.book.sequence:
                    break
        assert (mirror.bids, mirror.asks) == server.book.prices()
        assert [key["client_id"] for key in await client.call("private/list_api_keys")] == [ALICE.client_id]


async def test_a_feed_goes_on_behind_the_last_proven_notification(server: GatewayServer) -> None:
    async with tampering_proxy(server.port, once(TAMPERED["altered"])) as url:
        items = aiter(Feed(url, BOOK, login=LOGIN, proven=True))
        seqs: list[int] = []
        outages: list[str] = []
        mirror = BookMirror()
        async with asyncio.timeout(HANG_S):
            while mirror.change_id != server.book.sequence or server.book.sequence < 8:
                item = await anext(items)
                if isinstance(item, Notification):
                    seqs.append(item.seq)
                    mirror.apply(item.data)
                    if not outages:
                        await asyncio.to_thread(server.change)
                    elif server.book.sequence < 8:
                        await asyncio.to_thread(server.change, 8)
                elif isinstance(item, Outage):
                    outages.append(item.reason)
        assert seqs == list(range(2, 2 + len(seqs))), "each once, in order, none of them altered"
        assert len(outages) == 1
        assert "not what the server sent" in outages[0]
        await items.aclose()  # type: ignore[attr-defined]


async def test_proof_needs_a_login(server: GatewayServer) -> None:
    with pytest.raises(FeedError, match="needs a login"):
        async with connect(server.url, proven=True):
            pass
    with pytest.raises(RequestError, match="invalid_credentials"):
        async with connect(server.url, login=Login(ALICE.client_id, "wrong"), proven=True):
            pass


def test_a_login_does_not_show_its_secret() -> None:
    assert repr(LOGIN) == "Login('alice-id')"
