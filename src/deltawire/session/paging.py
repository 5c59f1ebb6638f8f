"""Pages of long lists: windows of trades, and continuation tokens."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, TypeVar

import msgspec

from deltawire.errors import RequestError
from deltawire.wire.rpc import INVALID_PARAMS

MOST = 1000
_ID = re.compile(r"(?:[A-Za-z_]{1,20}-)?(\d{1,18})", re.ASCII)
T = TypeVar("T")


class Place(NamedTuple):
    """The position of an entry: time in milliseconds, number in its instrument, id in its currency."""

    at_ms: int
    seq: int
    id: int | None


class Window(msgspec.Struct, kw_only=True):
    """The trades to return; bounds are inclusive.

    With a start, or sorted `asc`, the earliest are returned, oldest first; otherwise the latest, newest first.
    """

    start_timestamp: int | None = None
    end_timestamp: int | None = None
    start_seq: int | None = None
    end_seq: int | None = None
    start_id: str | int | None = None
    end_id: str | int | None = None
    count: int = 10
    sorting: Literal["default", "asc", "desc"] = "default"

    @property
    def from_earliest(self) -> bool:
        """Whether the earliest come first."""
        if self.sorting == "default":
            return not self.start_timestamp is self.start_seq is self.start_id is None
        return self.sorting == "asc"


def page(entries: Sequence[T], window: Window, place: Callable[[T], Place]) -> tuple[list[T], bool]:
    """The entries of a window (`entries` are oldest first), and whether there are more."""
    check_count(window.count)
    start, end = parse_id(window.start_id, "start_id"), parse_id(window.end_id, "end_id")
    bounds = (
        (window.start_timestamp, window.end_timestamp),
        (window.start_seq, window.end_seq),
        (start, end),
    )
    within = [entry for entry in entries if _lies(place(entry), bounds)]
    chosen = within[: window.count] if window.from_earliest else within[: -window.count - 1 : -1]
    return chosen, len(within) > len(chosen)


def parse_id(text: str | int | None, param: str) -> int | None:
    """The number in a trade's id, with or without a currency prefix; None if there is no id."""
    if text is None:
        return None
    match = _ID.fullmatch(str(text))
    if match is None:
        raise RequestError(INVALID_PARAMS, "Invalid params", reason="no such id", param=param)
    return int(match[1])


def id_number(text: str) -> int | None:
    """The number in a venue's trade id; None if the venue's ids are not numbers."""
    match = _ID.fullmatch(text)
    return int(match[1]) if match else None


def continued(
    entries: Iterable[T], token: str | int | None, count: int, key: Callable[[T], int]
) -> tuple[list[T], int | None]:
    """The entries after the one that a token names, and the token of the next page, if any.

    New entries at the front do not matter; after an entry that no longer exists there are none.
    """
    check_count(count)
    after = parse_id(token or None, "continuation")
    rest, page = iter(entries), list[T]()
    if after is not None:
        for entry in rest:
            if key(entry) == after:
                break
    for entry in rest:
        if len(page) == count:
            return page, key(page[-1])
        page.append(entry)
    return page, None


def check_count(count: int, offset: int = 0) -> None:
    """Raise `RequestError` for an invalid page size."""
    if not 1 <= count <= MOST:
        raise _out_of("count", 1, MOST)
    if not 0 <= offset <= 1_000_000:
        raise _out_of("offset", 0, 1_000_000)


def _out_of(param: str, least: int, most: int) -> RequestError:
    return RequestError(
        INVALID_PARAMS, "Invalid params", reason=f"must be from {least} to {most}", param=param
    )


def _lies(place: Place, bounds: tuple[tuple[int | None, int | None], ...]) -> bool:
    return all(
        (start is None and end is None)
        or (value is not None and (start is None or start <= value) and (end is None or value <= end))
        for value, (start, end) in zip(place, bounds, strict=True)
    )
