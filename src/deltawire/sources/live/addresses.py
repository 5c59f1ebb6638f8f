"""Where a venue is reached: its own endpoints, or others that stand for them (a simulator, a private gateway)."""

from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from deltawire.errors import UsageError
from deltawire.model.limits import Limits

SOCKETS, REST = ("ws", "wss"), ("http", "https")


def check_bases(bases: Sequence[str]) -> None:
    """Raise `UsageError` unless these are addresses that can stand for a venue's hosts."""
    for base in bases:
        parts = urlsplit(base)
        if parts.scheme not in (*SOCKETS, *REST) or not parts.hostname or parts.query:
            raise UsageError(f"an endpoint is ws://HOST:PORT, wss://, http:// or https://, not {base!r}")


def socket_addresses(limits: Limits, path: str, bases: Sequence[str] = ()) -> list[str]:
    """The WebSocket addresses of a path of the venue, the preferred one first."""
    own = limits.endpoints[path]
    moved = [base for base in bases if urlsplit(base).scheme in SOCKETS]
    return [_moved(own[0], base) for base in moved] if moved else list(own)


def rest_addresses(limits: Limits, url: str, bases: Sequence[str] = ()) -> list[str]:
    """The addresses at which something can be fetched, the preferred one first."""
    moved = [base for base in bases if urlsplit(base).scheme in REST]
    if not moved:
        moved = [base.replace("ws", "http", 1) for base in bases if urlsplit(base).scheme in SOCKETS]
    return [_moved(url, base) for base in moved or limits.rest] or [url]


def _moved(url: str, base: str) -> str:
    """An address with another scheme and host; the base's path, if it has one, comes before."""
    parts, other = urlsplit(url), urlsplit(base)
    return urlunsplit((other.scheme, other.netloc, other.path.rstrip("/") + parts.path, parts.query, ""))
