"""Where a peer is."""

import asyncio


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The address of a transport's peer, empty where it has none."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""
