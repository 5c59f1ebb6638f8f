"""Splits what is wanted over connections and paths, within a venue's limits, and computes what that takes."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import msgspec

from deltawire.model.limits import Limits
from deltawire.ports import Stream, Venue, Wants
from deltawire.venues.live.allowance import SECOND_NS, Allowance, Allowances

ROUND_TRIP_S = 0.2
"""Assumed from a request to its answer."""
FETCHES_AT_ONCE = 4


class PlannedConnection(msgspec.Struct, frozen=True):
    """One connection: its path, and the streams on it."""

    path: str
    streams: tuple[Stream, ...]
    requests: int
    """Messages that subscribe them."""

    @property
    def books(self) -> int:
        """Number of books on it."""
        return sum(stream.topic == "book" for stream in self.streams)


class Plan(msgspec.Struct, frozen=True):
    """The connections for what is wanted, and what it takes until all books are live."""

    venue: str
    connections: tuple[PlannedConnection, ...]
    lists: int
    """Instrument lists to fetch."""
    images: int
    """Book images to fetch; at most venues they come by the stream."""
    weight: int
    """REST weight of both."""
    seconds: float
    """Until all books are live, if every answer takes 0.2 s and nobody else uses the budgets."""
    problems: tuple[str, ...] = ()
    """Limits that this plan exceeds."""

    @property
    def requests(self) -> int:
        """Messages that subscribe all streams."""
        return sum(connection.requests for connection in self.connections)

    @property
    def streams(self) -> int:
        """Number of subscriptions."""
        return sum(len(connection.streams) for connection in self.connections)


def make_plan(make: Callable[[], Venue], wants: Wants) -> Plan:
    """Plan connections. `make` makes a state machine of the venue, which is only asked, not run."""
    venue = make()
    limits = venue.limits
    by_path: defaultdict[str, list[Stream]] = defaultdict(list)
    lists_of: defaultdict[str, list[Stream]] = defaultdict(list)
    for stream in venue.streams(wants):
        everywhere = stream.topic in ("list", "status") and not stream.instrument
        (lists_of if everywhere else by_path)[stream.path].append(stream)
    for path in lists_of.keys() - by_path.keys():
        by_path[path] = lists_of.pop(path)  # of which there is one connection
    groups = [
        (path, [*lists_of[path], *group])
        for path, streams in by_path.items()
        for group in _packed(venue, streams, lists_of[path])
    ]
    connections = tuple(
        PlannedConnection(path, tuple(group), len(venue.subscribe(group))) for path, group in groups
    )
    lists = [fetch.url for fetch in venue.lists(wants)]
    images = (
        [url for name in wants.instruments if (url := venue.image_url(name))]
        if "book" in wants.topics
        else []
    )
    return Plan(
        venue=venue.name,
        connections=connections,
        lists=len(lists),
        images=len(images),
        weight=sum(map(limits.cost, [*lists, *images])),
        seconds=_seconds(limits, connections, lists, images),
        problems=tuple(_problems(limits, connections)),
    )


def has_room(venue: Venue, streams: Sequence[Stream], more: Sequence[Stream]) -> bool:
    """Whether a connection with some streams has room for more."""
    every = [*streams, *more]
    size = sum(_argument_bytes(venue, stream) for stream in every) if venue.limits.arguments_bytes else 0
    return not _is_full(venue.limits, every, size)


def _packed(venue: Venue, streams: list[Stream], lists: list[Stream]) -> Iterator[list[Stream]]:
    """Streams of one path in connections, beside `lists`, which each has; those of an instrument stay together."""
    limits = venue.limits
    taken = sum(_argument_bytes(venue, stream) for stream in lists) if limits.arguments_bytes else 0
    units: dict[str, list[Stream]] = {}
    for stream in streams:
        units.setdefault(stream.instrument or stream.name, []).append(stream)
    packed: list[Stream] = []
    size = taken
    for unit in units.values():
        more = sum(_argument_bytes(venue, stream) for stream in unit) if limits.arguments_bytes else 0
        if packed and _is_full(limits, [*lists, *packed, *unit], size + more):
            yield packed
            packed, size = [], taken
        packed, size = [*packed, *unit], size + more
    if packed:
        yield packed


def _is_full(limits: Limits, streams: list[Stream], size: int) -> bool:
    books = sum(stream.topic == "book" for stream in streams)
    return 0 < limits.streams < len(streams) or 0 < limits.books < books or 0 < limits.arguments_bytes < size


def _argument_bytes(venue: Venue, stream: Stream) -> int:
    """The bytes that a stream adds to a request."""
    (one,), (two,) = venue.subscribe([stream]), venue.subscribe([stream, stream])
    return len(two.frame) - len(one.frame)


def _problems(limits: Limits, connections: tuple[PlannedConnection, ...]) -> Iterator[str]:
    streams = sum(len(connection.streams) for connection in connections)
    if 0 < limits.connections < len(connections):
        yield f"{len(connections)} connections, but the venue allows {limits.connections} per address"
    if 0 < limits.streams_of_address < streams:
        yield f"{streams} subscriptions, but the venue allows {limits.streams_of_address} per address"


def _seconds(
    limits: Limits, connections: tuple[PlannedConnection, ...], lists: list[str], images: list[str]
) -> float:
    """When the last book is live: connects and messages in turn, images beside them."""
    pools = Allowances()
    weight = pools.of("", "weight", limits.weight)
    connects = pools.of("", "connects", limits.connects)
    together = pools.of("", "messages", limits.messages_of_address)
    round_trip = int(ROUND_TRIP_S * SECOND_NS)
    listed_ns = 0
    for url in lists:
        listed_ns = _after(weight, limits.cost(url), listed_ns)
    start = listed_ns + round_trip if lists else 0
    subscribed_ns = start
    for connection in connections:
        opened_ns = _after(connects, 1, start) + round_trip
        messages = pools.of(str(id(connection)), "messages", limits.messages)
        for _ in range(connection.requests):
            opened_ns = _after(together, 1, _after(messages, 1, opened_ns))
        subscribed_ns = max(subscribed_ns, opened_ns + round_trip)
    imaged_ns = start + 2 * round_trip
    for number, url in enumerate(images):
        imaged_ns = _after(weight, limits.cost(url), imaged_ns)
        if number % FETCHES_AT_ONCE == FETCHES_AT_ONCE - 1:
            imaged_ns += round_trip
    return max(subscribed_ns, imaged_ns + round_trip if images else 0) / SECOND_NS


def _after(allowance: Allowance | None, cost: int, now: int) -> int:
    """When something that is asked for now may be done."""
    if allowance is None:
        return now
    at_ns = now + allowance.wait_ns(cost, now)
    allowance.take(cost, at_ns)
    return at_ns
