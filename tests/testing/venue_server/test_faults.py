"""Each fault, as a plain client sees it on the socket."""

import asyncio
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from deltawire.errors import UsageError
from deltawire.testing.venue_server import Fault, VenueServer, parse_fault
from tests.support.http_client import get
from tests.support.plain_client import PlainClient
from tests.support.waiting import until

PUBLIC = "/ws/v5/public"
PAIR, SWAP = "BTC-USDT", "BTC-USDT-SWAP"
BOOK = "books:BTC-USDT"
DEPTH = "/api/v5/market/books?instId=BTC-USDT&sz=400"


def subscribe(*names: str, channel: str = "books") -> dict[str, Any]:
    return {"op": "subscribe", "args": [{"channel": channel, "instId": name} for name in names]}


def okx(*faults: Fault, seed: int = 1) -> VenueServer:
    return VenueServer("okx", speed=None, faults=faults, seed=seed)


def updates(frames: list[Any], name: str = PAIR) -> list[Any]:
    """The book messages of an instrument."""
    return [frame["data"][0] for frame in frames if "action" in frame and frame["arg"]["instId"] == name]


def breaks(frames: list[Any], name: str = PAIR) -> int:
    """How often a message does not follow the one before."""
    books = updates(frames, name)
    pairs = pairwise(books)
    return sum(later["prevSeqId"] not in (-1, earlier["seqId"]) for earlier, later in pairs)


async def frames_of(server: VenueServer, *names: str, seconds: float = 20.0) -> tuple[PlainClient, list[Any]]:
    async with server, PlainClient(server, PUBLIC, subscribe(*names)) as client:
        await server.advance(seconds)
        return client, await client.caught_up()


async def test_without_faults_every_update_follows() -> None:
    _, frames = await frames_of(okx(), PAIR, SWAP)
    assert len(updates(frames)) > 50
    assert breaks(frames) == breaks(frames, SWAP) == 0


async def test_the_same_seed_gives_the_same_frames() -> None:
    noisy = Fault("drop", share=0.1), Fault("corrupt", share=0.1), Fault("delay", share=0.1, by=0.7)
    first, second, other = [
        (await frames_of(okx(*noisy, seed=seed), PAIR, SWAP))[0].frames for seed in (5, 5, 6)
    ]
    assert first == second
    assert first != other


async def test_a_dropped_frame_leaves_a_gap_in_its_stream_alone() -> None:
    server = okx(Fault("drop", stream=BOOK, after=5, times=1))
    _, frames = await frames_of(server, PAIR, SWAP)
    assert breaks(frames) == 1
    assert breaks(frames, SWAP) == 0
    assert [(struck.kind, struck.stream) for struck in server.faults.struck] == [("drop", BOOK)]


async def test_a_duplicate_comes_twice() -> None:
    client, _ = await frames_of(okx(Fault("duplicate", stream=BOOK, times=1)), PAIR, SWAP)
    assert len(client.frames) == len({*client.frames}) + 1


async def test_frames_change_places() -> None:
    _, frames = await frames_of(okx(Fault("reorder", stream=BOOK, after=5, times=1)), PAIR)
    ids = [book["seqId"] for book in updates(frames)]
    wrong = [i for i in range(len(ids) - 1) if ids[i] > ids[i + 1]]
    assert len(wrong) == 1
    i = wrong[0]
    assert sorted(ids) == [*ids[:i], ids[i + 1], ids[i], *ids[i + 2 :]]


async def test_a_torn_frame_is_no_json() -> None:
    client, frames = await frames_of(okx(Fault("corrupt", stream=BOOK, times=1)), PAIR)
    assert len(client.frames) == len(frames) + 1


async def test_one_digit_is_another() -> None:
    fault = Fault("corrupt", stream=BOOK, after=5, times=1, how="digit")
    (damaged, frames), (sound, _) = await frames_of(okx(fault), PAIR), await frames_of(okx(), PAIR)
    assert len(frames) == len(damaged.frames)
    (pair,) = [pair for pair in zip(damaged.frames, sound.frames, strict=True) if pair[0] != pair[1]]
    assert sum(a != b for a, b in zip(*pair, strict=True)) == 1


async def test_a_delayed_stream_comes_later_and_whole() -> None:
    server = okx(Fault("delay", stream=BOOK, by=3.0))
    async with server, PlainClient(server, PUBLIC, subscribe(PAIR)) as client:
        await server.advance(2.9)
        assert not updates(await client.caught_up())
        await server.advance(5)
        frames = await client.caught_up()
    assert len(updates(frames)) > 10
    assert breaks(frames) == 0
    assert all(int(book["ts"]) <= (server.now() - 2_900_000_000) // 1_000_000 for book in updates(frames))


async def test_one_stream_falls_silent_and_speaks_again() -> None:
    server = okx(Fault("silence", stream=BOOK, after=5, lasts=5))
    _, frames = await frames_of(server, PAIR, SWAP)
    times = [int(book["ts"]) / 1000 for book in updates(frames)]
    assert max(b - a for a, b in pairwise(times)) >= 5
    others = [int(book["ts"]) / 1000 for book in updates(frames, SWAP)]
    assert max(b - a for a, b in pairwise(others)) < 3
    assert breaks(frames) == 1


async def test_all_streams_fall_silent_but_pongs_come() -> None:
    server = okx(Fault("silence", after=5))
    async with server, PlainClient(server, PUBLIC, subscribe(PAIR, SWAP)) as client:
        await server.advance(5)
        had = len(await client.caught_up())
        await server.advance(10)
        await client.ask("ping")
        await client.caught_up()
        assert client.frames[-1] == "pong"
        assert len(client.decoded()) == had


async def test_acknowledged_but_silent() -> None:
    _, frames = await frames_of(okx(Fault("mute", stream=f"books:{SWAP}")), PAIR, SWAP)
    assert [frame["arg"]["instId"] for frame in frames if frame.get("event") == "subscribe"] == [PAIR, SWAP]
    assert updates(frames)
    assert not updates(frames, SWAP)


async def test_a_refused_subscription_is_an_error_and_leaves_the_others() -> None:
    _, frames = await frames_of(okx(Fault("reject", stream="books:*SWAP")), PAIR, SWAP)
    (error,) = [frame for frame in frames if frame.get("event") == "error"]
    assert error["code"] == "60018"
    assert SWAP in error["msg"]
    assert updates(frames)
    assert not updates(frames, SWAP)


async def test_closed_with_a_frame_and_without() -> None:
    for fault, code in ((Fault("close", after=1, code=1012), 1012), (Fault("cut", after=1), None)):
        server = okx(fault)
        async with server, PlainClient(server, PUBLIC, subscribe(PAIR)) as client:
            await server.advance(1)
            ended = await client.closed()
            assert (ended.rcvd.code if ended.rcvd else None) == code


async def test_a_half_open_connection_says_nothing_and_stays() -> None:
    server = okx(Fault("half-open", after=2))
    async with server, PlainClient(server, PUBLIC, subscribe(PAIR)) as client:
        await server.advance(2)
        had = len(await client.caught_up())
        await server.advance(100)
        await client.socket.send("ping")
        await client.socket.ping()
        await server.advance(1)
        assert len(client.frames) == had
        assert client.ended is None
        async with PlainClient(server, PUBLIC, subscribe(PAIR)) as other:
            await until(lambda: updates(other.decoded()))


async def test_connections_are_refused_for_a_time() -> None:
    async with okx(Fault("refuse", lasts=5)) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with PlainClient(server, PUBLIC):
                pass
        assert refused.value.response.status_code == 503
        await server.advance(5)
        async with PlainClient(server, PUBLIC, subscribe(PAIR)) as client:
            await until(lambda: updates(client.decoded()))


async def test_the_end_is_announced() -> None:
    server = okx(Fault("notice", after=1), Fault("close", after=61))
    async with server, PlainClient(server, PUBLIC, subscribe(PAIR)) as client:
        await server.advance(1)
        assert (await client.caught_up())[-1]["code"] == "64008"
        await server.advance(59.9)
        assert client.ended is None
        await server.advance(0.1)
        await client.closed()


async def test_an_image_is_as_of_earlier() -> None:
    async with okx(Fault("stale", stream="*instId=BTC-USDT&*", by=30.0)) as server:
        await server.advance(60)
        _, body, _ = await get(server.rest + DEPTH)
        (image,) = msgspec.json.decode(body)["data"]
        number, book = server.market.book_at(PAIR, server.now() - 30_000_000_000)
        assert image["seqId"] == number < server.market.walks[PAIR].id
        assert len(image["bids"]) == len(book.bids)
        assert int(image["ts"]) == (server.now() - 30_000_000_000) // 1_000_000
        _, body, _ = await get(server.rest + DEPTH.replace(PAIR, SWAP))
        assert msgspec.json.decode(body)["data"][0]["seqId"] == server.market.walks[SWAP].id


async def test_an_answer_comes_later() -> None:
    async with okx(Fault("slow", by=5.0)) as server:
        asked = asyncio.create_task(get(server.rest + DEPTH))
        await until(lambda: server.tally.counts["requests"])
        await server.advance(4.9)
        assert not asked.done()
        await server.advance(0.2)
        assert (await asked)[0] == 200


async def test_requests_fail_and_say_when_to_come_back() -> None:
    async with okx(Fault("error", status=503, retry=7.0, times=1)) as server:
        status, _, headers = await get(server.rest + DEPTH)
        assert (status, headers["retry-after"]) == (503, "8")
        assert (await get(server.rest + DEPTH))[0] == 200


async def test_a_rename_moves_the_book_and_silences_the_rest() -> None:
    instruments = {"op": "subscribe", "args": [{"channel": "instruments", "instType": "SWAP"}]}
    trades = subscribe(SWAP, channel="trades")
    server = okx(Fault("rename", after=5, name=SWAP, to="XBT-USDT-SWAP"))
    async with server, PlainClient(server, PUBLIC, instruments, subscribe(SWAP), trades) as client:
        await server.advance(15)
        frames = await client.caught_up()
    told = [frame for frame in frames if "data" in frame]
    listed = [frame["data"][0] for frame in told if frame["arg"]["channel"] == "instruments"]
    assert [(each["instId"], each["state"]) for each in listed] == [
        (SWAP, "expired"),
        ("XBT-USDT-SWAP", "live"),
    ]
    before, after = updates(frames, SWAP), updates(frames, "XBT-USDT-SWAP")
    assert after[0]["prevSeqId"] == before[-1]["seqId"]
    traded = {frame["data"][0]["instId"] for frame in told if frame["arg"] == trades["args"][0]}
    assert traded == {SWAP}


async def test_instruments_begin_and_end() -> None:
    async with okx(Fault("list", after=1, name="DOGE-USDT"), Fault("expire", after=2, name=PAIR)) as server:
        url = server.rest + "/api/v5/public/instruments?instType=SPOT"

        async def names() -> set[str]:
            _, body, _ = await get(url)
            return {each["instId"] for each in msgspec.json.decode(body)["data"]}

        assert await names() == {PAIR}
        await server.advance(1)
        assert await names() == {PAIR, "DOGE-USDT"}
        await server.advance(1)
        assert await names() == {"DOGE-USDT"}
        async with PlainClient(server, PUBLIC, subscribe("DOGE-USDT", PAIR)) as client:
            await server.advance(5)
            frames = await client.caught_up()
            assert updates(frames, "DOGE-USDT")
            assert [frame["code"] for frame in frames if frame.get("event") == "error"] == ["60018"]


def test_faults_are_read_from_text() -> None:
    assert parse_fault("silence:after=30,for=500ms,stream=books:BTC-*") == Fault(
        "silence", after=30.0, lasts=0.5, stream="books:BTC-*"
    )
    assert parse_fault("close:every=24h,code=1012,times=2") == Fault(
        "close", every=86_400.0, code=1012, times=2
    )
    assert parse_fault("half-open") == Fault("half-open")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nap", "unknown fault 'nap'; known: close, corrupt"),
        ("drop:share=2", "a share is from 0 to 1"),
        ("close:code=1005", "1005 is no code that a close frame may have"),
        ("close:code=99999", "99999 is no code that a close frame may have"),
        ("refuse:status=200", "200 is no HTTP status of an error"),
        ("rename", "it needs name= and to="),
        ("rename:name=BTC-USDT", "it needs to="),
        ("expire", "it needs name="),
        ("drop:chance=1", "'chance=1' is not one of after, by, code, every, for, how"),
        ("drop:lasts=1", "'lasts=1' is not one of"),
        ("drop:share=lots", "'lots' is not a number"),
        ("close:code=1s", "'1s' is not a number"),
        ("corrupt:how=badly", "Invalid enum value 'badly'"),
    ],
)
def test_what_is_no_fault_is_said_to_be_none(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint.replace("[", r"\[")):
        parse_fault(text)


async def test_a_new_instrument_is_like_the_one_with_the_nearest_name() -> None:
    old, name = "BTC-USD-301227-70000-C", "BTC-USD-301228-70000-C"
    async with okx(Fault("list", after=1, name=name), Fault("expire", after=1, name=old)) as server:
        url = f"{server.rest}/api/v5/public/instruments?instType=OPTION&instFamily=BTC-USD"
        await server.advance(1)
        _, body, _ = await get(url)
        listed = {each["instId"]: each for each in msgspec.json.decode(body)["data"]}
        assert {*listed} == {"BTC-USD-301227-60000-P", name}
        assert (listed[name]["tickSz"], listed[name]["optType"], listed[name]["stk"]) == (
            "0.0005",
            "C",
            "70000",
        )
