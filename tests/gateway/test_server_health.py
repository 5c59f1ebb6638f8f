"""`public/get_server_health` counts what is there, and is for those who may read the metrics."""

import msgspec

from deltawire.dialect.results import ServerHealth
from deltawire.gateway.gateway import Policy
from tests.support.gateway_server import GatewayServer, RawClient, open_socket
from tests.support.market_events import VENUE
from tests.support.waiting import wait_until


def health(client: RawClient) -> ServerHealth:
    return msgspec.convert(client.answer("public/get_server_health")["result"], ServerHealth)


def test_it_counts_clients_channels_ticks_and_venues() -> None:
    with GatewayServer() as server, open_socket(server) as client, open_socket(server) as other:
        server.go_live()
        before = health(client)
        assert (before.connections, before.subscriptions, before.accepted) == (2, 0, 2)
        assert before.ready
        assert [(venue.venue, venue.connection) for venue in before.venues] == [(VENUE, None)]
        other.answer("public/subscribe", channels=["book.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"])
        server.feed([server.book.change(bids={1000: 5})])
        wait_until(lambda: health(client).deliveries > before.deliveries)
        after = health(client)
        assert after.subscriptions == 2
        assert sorted(queue.channels for queue in after.slowest) == [0, 2]
        assert sum(after.tick_counts) > sum(before.tick_counts)
        assert len(after.tick_counts) == len(after.tick_bounds_ms) + 1
        server.feed([server.book.stale()])
        wait_until(lambda: health(client).venues[0].stale == before.venues[0].stale + 1)


def test_a_client_that_does_not_read_is_behind() -> None:
    with GatewayServer() as server, open_socket(server) as client:
        server.go_live()
        with open_socket(server, receive_buffer=4096) as slow:
            slow.answer("public/subscribe", channels=["book.BTC-PERPETUAL.raw"])
            wait_until(lambda: falls_behind(server, client))
            state = health(client)
            assert (state.behind, state.slowest[0].behind) == (1, True)
            assert state.queue_bytes >= state.slowest[0].queue_bytes > 0


def falls_behind(server: GatewayServer, client: RawClient) -> bool:
    server.change(500)
    return health(client).behind > 0


def test_it_is_not_for_who_may_not_read_the_metrics() -> None:
    with GatewayServer(policy=Policy(metrics=("192.0.2.0/24",))) as server, open_socket(server) as client:
        refusal = client.answer("public/get_server_health")["error"]
        assert (refusal["code"], refusal["data"]["param"]) == (13021, "ip")
