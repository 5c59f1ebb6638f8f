"""The address of a peer, and the check of its origin."""

import asyncio
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The address of a transport's peer, empty if unknown."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


def is_welcome(origin: str, host: str, origins: Collection[str]) -> bool:
    """Whether a page of this origin may open a WebSocket: a listed origin, by exact match, or the server's own.

    The server's own counts only if the `Host` is an address or `localhost`: anyone can let another name resolve to
    this server.
    """
    if origin in origins:
        return True
    try:
        here, there = urlsplit(f"//{host}"), urlsplit(origin)
        own = origin in (f"http://{host}", f"https://{host}") and here.netloc == there.netloc
    except ValueError:
        return False
    return own and _is_literal(here.hostname or "")


def _is_literal(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost"
    return True
