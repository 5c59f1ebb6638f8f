"""Addresses, heartbeats and limits of the venues, enforced on the socket and counted."""

import ssl
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from deltawire.store.certificates import load_tls, self_signed
from deltawire.testing.simulators import SERVED
from deltawire.testing.venue_server import LIMITS, Fault, Limits, Market, VenueServer
from tests.support.http_client import get
from tests.support.plain_client import PlainClient
from tests.support.waiting import until

DAY_S = 86_400.0


def still(venue: str, **more: Any) -> VenueServer:
    return VenueServer(venue, speed=None, **more)


def stream(*names: str) -> dict[str, Any]:
    return {"method": "SUBSCRIBE", "params": names, "id": 1}


def test_every_venue_has_limits() -> None:
    assert {*SERVED} <= {*LIMITS}


@pytest.mark.parametrize("venue", sorted(SERVED))
async def test_there_is_nothing_at_other_paths(venue: str) -> None:
    async with still(venue) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with PlainClient(server, "/no/such/path"):
                pass
        assert refused.value.response.status_code == 404


async def test_encrypted(tmp_path: Any) -> None:
    certificate = self_signed(tmp_path / "home", "127.0.0.1")
    trust = ssl.create_default_context(cafile=str(certificate))
    async with still("okx", tls=load_tls(certificate, None)) as server:
        assert (
            server.redirect("wss://ws.okx.com:8443/ws/v5/public")
            == f"wss://127.0.0.1:{server.port}/ws/v5/public"
        )
        subscription = {"op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USDT"}]}
        async with PlainClient(server, "/ws/v5/public", subscription, tls=trust) as client:
            for _ in range(30):
                await server.advance(1)
            assert len(await client.caught_up()) > 30
        url = server.redirect("https://openapi.okx.com/api/v5/market/books?instId=BTC-USDT&sz=5")
        status, body, _ = await get(url, tls=trust)
        assert status == 200
        assert len(msgspec.json.decode(body)["data"][0]["asks"]) == 5


async def test_connects_are_limited_and_counted() -> None:
    async with still("okx") as server:
        for _ in range(3):
            async with PlainClient(server, "/ws/v5/public"):
                pass
        with pytest.raises(InvalidStatus) as refused:
            async with PlainClient(server, "/ws/v5/public"):
                pass
        assert refused.value.response.status_code == 429
        assert server.tally.violations == {"connects per 1 s": 1}
        await server.advance(1.1)
        async with PlainClient(server, "/ws/v5/public"):
            pass
        assert server.tally.most["connects per 1 s"] == 4


async def test_only_so_many_connections_at_once() -> None:
    async with still("hyperliquid", limits=Limits(connections=2)) as server:
        async with PlainClient(server, "/ws"), PlainClient(server, "/ws"):
            with pytest.raises(InvalidStatus):
                async with PlainClient(server, "/ws"):
                    pass
        await until(lambda: not server.connections)
        async with PlainClient(server, "/ws"):
            pass
        assert server.tally.violations == {"connections": 1}


async def test_pongs_count_as_messages_at_binance_spot() -> None:
    async with still("binance_spot") as server, PlainClient(server, "/stream") as client:
        for _ in range(3):
            await client.socket.pong()
        await client.ask(stream("btcusdt@depth"))
        await client.ask(stream("ethusdt@depth"))
        assert client.ended is None
        await client.socket.pong()
        ended = await client.closed()
        assert ended.rcvd is not None
        assert ended.rcvd.code == 1008
        assert server.tally.violations == {"messages per 1 s": 1}


async def test_streams_are_limited() -> None:
    async with still("binance_usdm") as server, PlainClient(server, "/public/stream") as client:
        await client.ask(stream(*(f"x{i}usdt@depth" for i in range(1025))))
        (error,) = await client.caught_up()
        assert error["error"]["code"] == 2
        assert server.tally.violations == {"streams": 1}


async def test_requests_per_hour_are_limited() -> None:
    limits = msgspec.structs.replace(
        LIMITS["okx"], requests=msgspec.structs.replace(LIMITS["okx"].requests, count=2)
    )
    async with still("okx", limits=limits) as server, PlainClient(server, "/ws/v5/public") as client:
        for _ in range(3):
            await client.ask({"op": "subscribe", "args": [{"channel": "trades", "instId": "BTC-USDT"}]})
        *acknowledged, error = await client.caught_up()
        assert [frame["event"] for frame in acknowledged] == ["subscribe"] * 2
        assert error["code"] == "60014"


async def test_what_kraken_futures_gets_too_fast_is_lost() -> None:
    limits = msgspec.structs.replace(
        LIMITS["kraken_futures"], messages=msgspec.structs.replace(LIMITS["kraken_futures"].messages, count=2)
    )
    async with still("kraken_futures", limits=limits) as server, PlainClient(server, "/ws/v1") as client:
        for name in server.market.walks:
            await client.ask({"event": "subscribe", "feed": "trade", "product_ids": [name]})
        frames = await client.caught_up()
        assert len([frame for frame in frames if frame["event"] == "subscribed"]) == 2
        assert server.tally.violations == {"messages per 1 s": 1}


async def test_weight_is_stated_then_refused_then_banned() -> None:
    async with still("binance_usdm") as server:
        url = server.rest + "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
        _, _, headers = await get(url)
        assert headers["x-mbx-used-weight-1m"] == "20"
        for _ in range(119):
            status, _, headers = await get(url)
            assert status == 200
        assert headers["x-mbx-used-weight-1m"] == "2400"
        status, _, headers = await get(url)
        assert status == 429
        assert 0 < int(headers["retry-after"]) <= 61
        for _ in range(10):
            status, _, headers = await get(url)
        assert (status, headers["retry-after"]) == (418, "120")
        await server.advance(60)
        assert (await get(url))[0] == 418
        await server.advance(61)
        assert (await get(url))[0] == 200


async def test_two_venues_can_share_a_pool() -> None:
    """USD-M and COIN-M have one pool of weight per address since June 2026; a client counts them together."""
    assert LIMITS["binance_usdm"].pools == LIMITS["binance_coinm"].pools


async def test_a_connection_ends_after_a_day() -> None:
    quiet = Market(SERVED["binance_usdm"]().contracts, moves_per_s=0.001)
    server = still("binance_usdm", step_s=60.0, market=quiet)
    async with server, PlainClient(server, "/market/stream") as client:
        server.inject(Fault("notice", after=DAY_S - 600))
        await server.advance(DAY_S - 60)
        assert client.ended is None
        await server.advance(60)
        await client.closed()
        assert server.tally.counts["closed: lifetime"] == 1
        assert server.tally.counts["pongs"] == DAY_S / 180 - 1
        assert client.decoded()[-1]["stream"] == "!serverShutdown"


async def test_who_answers_no_ping_is_closed() -> None:
    async with still("binance_spot") as server, PlainClient(server, "/stream") as client:
        client.socket.transport.pause_reading()
        await server.advance(20)
        assert server.connections[0].open
        await server.advance(60)
        assert server.tally.counts["closed: no pong"] == 1
        client.socket.transport.resume_reading()
        await client.closed()


async def test_who_is_silent_is_closed_unless_something_comes() -> None:
    async with still("okx") as server, PlainClient(server, "/ws/v5/public") as client:
        await server.advance(29)
        await client.ask("ping")
        await server.advance(29)
        assert client.ended is None
        await server.advance(2)
        ended = await client.closed()
        assert ended.rcvd is not None
        assert ended.rcvd.code == 4004
        async with PlainClient(
            server, "/ws/v5/public", {"op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USDT"}]}
        ) as other:
            await server.advance(60)
            assert other.ended is None


async def test_a_first_request_must_come_soon() -> None:
    async with still("coinbase") as server, PlainClient(server, "/") as client:
        await server.advance(5)
        await client.closed()


async def test_heartbeats_both_ways() -> None:
    async with still("deribit") as server, PlainClient(server, "/ws/api/v2") as client:
        await client.ask(
            {"jsonrpc": "2.0", "id": 1, "method": "public/set_heartbeat", "params": {"interval": 10}}
        )
        await server.advance(30)
        beats = [frame["params"]["type"] for frame in await client.caught_up() if "params" in frame]
        assert beats == ["test_request", "heartbeat", "test_request"]
    async with still("kraken") as server, PlainClient(server, "/v2") as client:
        await client.ask({"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}})
        await client.ask({"method": "ping", "req_id": 42})
        server.market.walks.pop("BTC/USD")
        await server.advance(5)
        kinds = [frame.get("channel") or frame.get("method") for frame in await client.caught_up()]
        assert kinds[:3] == ["status", "subscribe", "pong"]
        assert kinds[3:] == ["heartbeat"] * 5


async def test_futures_streams_have_their_paths() -> None:
    """On another path a stream is acknowledged and silent, as on the venue since April 2026."""
    names = "btcusdt@depth@100ms", "btcusdt@markPrice@1s", "btcusdt@aggTrade"
    for path, expected in (
        ("/public", {"btcusdt@depth@100ms"}),
        ("/market", {"btcusdt@markPrice@1s", "btcusdt@aggTrade"}),
        ("", {"btcusdt@depth@100ms"}),
    ):
        async with (
            still("binance_usdm") as server,
            PlainClient(server, f"{path}/stream", stream(*names)) as client,
        ):
            await server.advance(20)
            first, *frames = await client.caught_up()
            assert first == {"result": None, "id": 1}
            assert {frame["stream"] for frame in frames} == expected


async def test_streams_in_the_address_with_and_without_an_envelope() -> None:
    async with still("binance_usdm") as server:
        async with PlainClient(server, "/public/ws/btcusdt@depth@100ms") as client:
            await server.advance(10)
            frames = await client.caught_up()
            assert {frame["e"] for frame in frames} == {"depthUpdate"}
            assert [*frames[0]][-1] == "st"
            assert frames[0]["ps"] == "BTCUSDT"
        before = server.tally.counts["frames"]
        async with PlainClient(
            server, "/public/stream?streams=ethusdt@depth@100ms/btcusdt@bookTicker"
        ) as client:
            await server.advance(10)
            await until(lambda: len(client.frames) == server.tally.counts["frames"] - before)
            assert {frame["stream"] for frame in client.decoded()} == {
                "ethusdt@depth@100ms",
                "btcusdt@bookTicker",
            }
