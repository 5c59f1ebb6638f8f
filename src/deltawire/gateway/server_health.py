"""The state of a gateway as the object of `public/get_server_health`."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from deltawire.model.live import LiveStatus

if TYPE_CHECKING:
    from deltawire.gateway.gateway import Gateway

SLOWEST = 20
MS_NS = 1_000_000


def server_health(gateway: "Gateway") -> dict[str, Any]:
    """The counters of metrics, and the connections that have read least."""
    connections, telemetry, traffic = list(gateway.connections), gateway.telemetry, gateway.hub.traffic
    queues = sorted(
        (
            {
                "channels": len(connection.subscriber.channels) + len(connection.subscriber.waiting),
                "queue_bytes": connection.unsent,
                "behind": connection.subscriber.outbox is not None,
            }
            for connection in connections
        ),
        key=lambda queue: (queue["behind"], queue["queue_bytes"]),
        reverse=True,
    )
    unready = gateway.unready()
    return {
        "timestamp": gateway.clock.wall() // MS_NS,
        "ready": not unready,
        "reason": unready,
        "connections": len(connections),
        "subscriptions": sum(queue["channels"] for queue in queues),
        "queue_bytes": sum(queue["queue_bytes"] for queue in queues),
        "behind": sum(queue["behind"] for queue in queues),
        "slowest": queues[:SLOWEST],
        "accepted": telemetry.accepted,
        "refused": sum(telemetry.refused.values()),
        "deliveries": traffic.deliveries,
        "delivered_bytes": traffic.bytes,
        "merged": telemetry.merged,
        "tick_bounds_ms": [1000 * bound for bound in telemetry.seen_to_sent.bounds_s],
        "tick_counts": list(telemetry.seen_to_sent.counts),
        "venues": _venues(gateway),
    }


def _venues(gateway: "Gateway") -> list[dict[str, Any]]:
    """Every venue with a source, and its connections if it has any."""
    telemetry, live = (
        gateway.telemetry,
        {status.venue: status for status in (each.status() for each in gateway.live)},
    )
    closed = gateway.closed()
    stale = Counter[str]()
    for (venue, _), count in telemetry.stale.items():
        stale[venue] += count
    return [
        {
            "venue": venue,
            "lag_ms": 1000 * telemetry.lag_s[venue] if venue in telemetry.lag_s else None,
            "faults": telemetry.faults[venue],
            "stale": stale[venue],
            "resyncs": telemetry.resyncs[venue],
            "closed": closed.get(venue, ""),
            **_standing(gateway, venue),
            "connection": _connection(live[venue]) if venue in live else None,
        }
        for venue in gateway.venues
    ]


def _standing(gateway: "Gateway", venue: str) -> dict[str, str]:
    """What a venue says of itself."""
    standing = gateway.market.standings.get(venue)
    if standing is None:
        return {"state": "up", "state_reason": ""}
    return {"state": standing.state, "state_reason": standing.why}


def _connection(status: LiveStatus) -> dict[str, Any]:
    streams = Counter[str]()
    for lane in status.lanes:
        streams.update(lane.streams)
    return {
        "sockets": sum(lane.sockets for lane in status.lanes),
        "reconnects": sum(lane.reconnects for lane in status.lanes),
        "streams": dict(streams),
        "waiting": status.fetching + sum(lane.queued for lane in status.lanes),
        "weight_used": status.weight_used,
        "weight_limit": status.weight_limit or None,
        "subscribed": status.wanted,
        "listed": status.listed,
        "why": next((lane.why for lane in status.lanes if lane.why), ""),
    }
