"""The one tree of errors.

    DeltawireError            blame        retry helps
    ├── UsageError            the user     no          a wrong option, file or name: the CLI prints it, exits 2
    ├── VenueError            the venue    by itself   what a venue sent cannot be used
    │   ├── MalformedError                             not the JSON, or not the shape, it should be
    │   └── PrecisionError                             a number that its instrument cannot hold, or float noise
    ├── RecordingError        the file     no          a recording that cannot be read, with its place
    ├── JournalError          the disk     no          a journal that cannot be trusted or written any more
    ├── RequestError          the client   see .retry  a JSON-RPC request refused, with the dialect's code
    │   └── LimitError         the client   later       asked for more than it may have: answered, then closed
    ├── SurfaceError          the caller   no          a volatility surface that would allow arbitrage
    ├── PublishError          the caller   no          somebody else publishes on this topic
    ├── BusError              the bus      yes         a message that cannot be used, or one that is missing
    └── FeedError             the feed     see .retry  a client's connection or subscription that failed
        ├── SubscriptionRefused                        channels that there are not, or not for this client
        └── OutcomeUnknown                             an order that may or may not have been placed or changed

Bad market data never travels as an exception beyond its venue: it becomes a `Stale` status or a `Fault` event.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

NOT_DECODED = msgspec.MsgspecError, UnicodeDecodeError, RecursionError
"""What decoding foreign bytes as JSON may raise: not JSON or not of its type, not UTF-8, nested too deeply."""


def how_to_install(extra: str) -> str:
    """How to add an optional part of deltawire; there is no package of it on PyPI."""
    return f"pip install '.[{extra}]' in a checkout of deltawire"


class DeltawireError(Exception):
    """Base class of all errors that deltawire raises deliberately."""

    retry = False


class UsageError(DeltawireError):
    """An option, file or name given by the user is wrong; the message says what to do next."""


class VenueError(DeltawireError):
    """A frame from a venue that cannot be used."""

    retry = True


class MalformedError(VenueError):
    """A frame that is not JSON, or does not have the structure that its venue documents."""


class PrecisionError(VenueError):
    """A decimal that does not fit its instrument's exponent, is float noise, or is not a plain decimal.

    `reason` is the message, if there is more to say than that it does not fit.
    """

    def __init__(self, text: str, exponent: int, reason: str = "") -> None:
        super().__init__(reason or f"{text[:40]!r} is no decimal with at most {-exponent} places")
        self.text = text
        self.exponent = exponent


class RecordingError(DeltawireError):
    """A recording that cannot be read; has the file and the byte or line at which reading stopped."""

    def __init__(self, path: str, place: str, reason: str) -> None:
        super().__init__(f"{path}: {place}: {reason}")
        self.path = path
        self.place = place
        self.reason = reason


class PublishError(DeltawireError):
    """A batch that was not published, because the topic's newest is not the one that its publisher knows."""

    def __init__(self, topic: str, expected: int, newest: int) -> None:
        super().__init__(
            f"{topic}: the newest batch is {newest}, not {expected}: somebody else publishes there"
        )
        self.topic = topic
        self.expected = expected
        self.newest = newest


class BusError(DeltawireError):
    """Something on a bus that cannot be used: `kind` is garbage, version, oversized, gap or absent."""

    retry = True

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


class SurfaceError(DeltawireError):
    """Parameters of a volatility surface that would allow arbitrage; has the bounds that they violate."""

    def __init__(self, broken: list[str]) -> None:
        super().__init__(f"the surface would allow arbitrage: it needs {', '.join(broken)}")
        self.broken = broken


class JournalError(DeltawireError):
    """A journal that is damaged or could not be written; has the file and the position in it."""

    def __init__(self, path: str, place: str, reason: str) -> None:
        super().__init__(f"{path}: {place}: {reason}" if place else f"{path}: {reason}")
        self.path = path
        self.place = place
        self.reason = reason


class RequestError(DeltawireError):
    """A refused request: `code` and `message` are those of the Deribit dialect, `data` says which parameter and why."""

    def __init__(
        self, code: int, message: str, *, reason: str = "", param: str = "", retry: bool = False
    ) -> None:
        super().__init__(f"{code} {message}" + (f": {reason}" if reason else ""))
        self.code = code
        self.message = message
        self.reason = reason
        self.param = param
        self.retry = retry

    @property
    def data(self) -> dict[str, Any] | None:
        """The `data` member of the error object, or None if there is nothing to add."""
        members = {"reason": self.reason, "param": self.param}
        return {name: value for name, value in members.items() if value} or None


class LimitError(RequestError):
    """A request for more than a connection may have; the connection closes after the answer."""


class FeedError(DeltawireError):
    """A client's connection or subscription failed, or the server violated its guarantees."""

    def __init__(self, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.retry = retry


class SubscriptionRefused(FeedError):  # noqa: N818 (a fact, as the names of events are)
    """Channels that the server refused: there are none such, or not for this client."""

    def __init__(self, refused: Iterable[str], *, retry: bool) -> None:
        self.refused = tuple(refused)
        super().__init__(f"no such channel, or not for you: {', '.join(self.refused)}", retry=retry)


class OutcomeUnknown(FeedError):  # noqa: N818 (likewise)
    """The answer to an order was lost, and whether it was done could not be found out.

    An order may be placed again with its `label`: where there is one with it already, that is the answer.
    """

    def __init__(self, what: str, label: str, error: Exception) -> None:
        self.label = label
        advice = f"; placed again with label={label!r} it is placed only once" if label else ""
        super().__init__(f"{what}: whether it was done is not known ({error}){advice}", retry=False)
