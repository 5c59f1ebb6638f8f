"""Where a peer is, and which web page's word it carries."""

import asyncio
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The address of a transport's peer, empty where it has none."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


def is_welcome(origin: str, host: str, origins: Collection[str]) -> bool:
    """Whether a page of this origin may open a WebSocket: a listed one, letter by letter, or one of our own.

    Ours counts only where the `Host` is an address or `localhost`: a name may be made to lead here by anyone.
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
