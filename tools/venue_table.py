"""Write docs/venues.md from what each venue's file states."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from deltawire.book.auditor import AuditBudget
from deltawire.book.book import Book
from deltawire.book.checksums import KrakenChecksum, OkxChecksum
from deltawire.book.columns import ActionRows
from deltawire.book.sequencers import (
    BridgedChain,
    Counter,
    OnCountedConnection,
    PreviousIdChain,
    UpdateIdRange,
)
from deltawire.model.limits import Limits
from deltawire.ports import Venue, Wants
from deltawire.sources.live.source import AUDIT_SHARE
from deltawire.testing.link import Link
from deltawire.testing.simulators import SERVED
from deltawire.venues import REGISTRY, make_venue
from deltawire.venues.connection import VenueConnection
from deltawire.venues.live.ledger import FIRST_S, GRACE_S, QUIET_S
from deltawire.venues.live.pauses import APART_NS, LONGER, MOST_DOUBTS, SECOND_NS, STOPPED_NS, UNUSUAL_NS

FILE = Path(__file__).resolve().parents[1] / "docs" / "venues.md"


def _s(nanoseconds: int) -> str:
    return f"{nanoseconds / SECOND_NS:g} s"


HEAD = """# Venues

This file is written by `python tools/venue_table.py` from what each venue's file in `src/deltawire/venues/` states; \
a test compares both. What a live connection does with it: [operating a server](operate.md#venues).

`deltawire plan --venue NAME --instruments all` prints what these limits mean for a list of instruments.
"""
STREAMS = f"""## Streams that stop

A connection that sends nothing is noticed by its silence, which stands in the table of each venue. \
A stream that stops while its connection goes on is noticed too:

| what happens | when the book is stale |
|---|---|
| a stream with a promised pause says nothing | after twice that pause and {GRACE_S:g} s |
| a stream that was granted says nothing at all | after {FIRST_S:g} s |
| a book says nothing, and a ticker states other best prices | {_s(STOPPED_NS)} after the book's last message |
| a book says nothing, nor does a ticker, and images are fetched by REST | 10 to 20 s after a new image |
| a book says nothing, nor does a ticker, and images come by the stream | when it sends again, by the gap |

A ticker counts if it comes on the same connection, {_s(APART_NS)} or more after the book's last message. \
The stream is \
subscribed again, and a new image requested. If that has the same best prices as the book had, the book was right, and \
it takes twice as long the next time, at most {_s(STOPPED_NS << MOST_DOUBTS)}.

The new image is requested after a pause of {_s(UNUSUAL_NS)}, or of {LONGER} times the longest of late \
if that is more, \
and at the latest with the next regular audit, {AuditBudget(1, 1).every_s:g} s after the last. \
It counts towards the budget of audits, {AUDIT_SHARE:.0%} of the REST weight.

Where images are fetched by REST, that of a book is requested at its first update, or {QUIET_S:g} s after its stream \
was \
granted if none has come: a quiet book is live by its image alone.
"""


CHAINS = {
    PreviousIdChain: "each update names the id that it follows",
    UpdateIdRange: "updates cover ranges of ids without a hole, from that of the image on",
    BridgedChain: "each update names the one before, and the first spans the id of the image",
    Counter: "the updates of a book are numbered",
    OnCountedConnection: "the messages of a connection are numbered; one that is missing makes all its books stale",
}
CHECKSUMS = {
    KrakenChecksum: "a checksum of the best ten levels a side with each update",
    OkxChecksum: "where it is sent, a checksum of the best 25 levels a side",
}
ACTIONS = "each level says whether it is new, changed or deleted, which the book must fit"


def text() -> str:
    """The whole file."""
    return "\n".join(
        [HEAD, STREAMS, *(line for name in sorted(REGISTRY) for line in _venue(make_venue(name)))]
    )


def _venue(venue: Venue) -> Iterator[str]:
    limits, book = venue.limits, _book(venue.name)
    yield f"## {venue.name}\n"
    yield "| limit or address | value |\n|---|---|"
    for path, urls in limits.endpoints.items():
        yield f"| endpoint{f' `{path}`' if path else ''} | {', then '.join(f'`{url}`' for url in urls)} |"
    if limits.rest:
        yield f"| REST | {', then '.join(f'`{url}`' for url in limits.rest)} |"
    yield from (f"| {name} | {value} |" for name, value in _limits(venue, limits))
    yield f"| a book is verified by | {'; '.join(_proofs(book))} |"
    yield f"| a book is known to | {_coverage(venue, book)} |"
    yield f"| status of the venue | {limits.status or 'no channel is described'} |"
    yield f"| cannot be shown | {limits.cannot_show} |"
    yield f"| source | {limits.source} |\n"
    yield "| channel | topic | promised pause |\n|---|---|---|"
    for channel, topic, cadence_s in _channels(venue):
        yield f"| `{channel}` | {topic} | {f'{cadence_s:g} s' if cadence_s else 'none'} |"
    yield ""


def _book(name: str) -> Book:
    """The book of an instrument of the simulated venue, as its streams make it."""
    link = Link(make_venue(name), SERVED[name]())
    link.open()
    instrument = link.simulator.instruments[0]
    link.delta(instrument)
    assert isinstance(link.venue, VenueConnection)
    return link.venue.books[instrument]


def _proofs(book: Book) -> Iterator[str]:
    chain, checksum = CHAINS.get(type(book._sequencer)), CHECKSUMS.get(type(book._checksum))
    yield from filter(None, (chain, checksum))
    if isinstance(book._read_bids, ActionRows):
        yield ACTIONS
    if not chain and not checksum:
        yield "nothing: every message is a whole image"


def _coverage(venue: Venue, book: Book) -> str:
    url = venue.image_url(book.instrument.name)
    if url is not None:
        (limit,) = parse_qs(urlsplit(url).query)["limit"]
        return f"the last price of the image, which has at most {limit} levels a side; new images move it"
    levels = book.known.levels
    return f"the best {levels} levels a side" if levels else "the last level"


def _limits(venue: Venue, limits: Limits) -> Iterator[tuple[str, str]]:
    name = SERVED[venue.name]().contracts[0].name
    image = venue.image_url(name)
    if limits.instruments:
        yield "instruments", limits.instruments
    yield "images", "by REST, weight " + str(limits.cost(image)) if image else "by the stream"
    if limits.connections:
        yield "connections at once", f"{limits.connections} per address"
    if limits.connects:
        yield "new connections", f"{limits.connects} per address"
    if limits.messages:
        pongs = ", pings and pongs included" if limits.pongs_count else ""
        yield "messages of the client", f"{limits.messages} per connection{pongs}"
    if limits.messages_of_address:
        yield "messages of the client", f"{limits.messages_of_address} per address"
    if limits.streams:
        yield "subscriptions", f"{limits.streams} per connection"
    if limits.streams_of_address:
        yield "subscriptions", f"{limits.streams_of_address} per address"
    if limits.books:
        yield "books", f"{limits.books} per connection"
    if limits.arguments_bytes:
        yield "arguments", f"{limits.arguments_bytes} bytes per connection"
    if limits.weight:
        pool = f", shared by all venues of the pool `{limits.pool}`" if limits.pool else ""
        yield "REST weight", f"{limits.weight}{pool}"
    if limits.ping != "none":
        yield "ping", f"a {limits.ping} every {limits.ping_s:g} s"
    yield "silence", f"books are stale after {venue.silence_ns / 1e9:g} s without any frame"
    if limits.lifetime_s:
        yield "end", f"every connection is closed after {limits.lifetime_s / 3600:g} h"
    yield "two connections", "can be joined exactly" if limits.joins else "cannot be joined exactly"
    yield "largest message", f"{limits.max_message_size // 1024} KiB"


def _channels(venue: Venue) -> list[tuple[str, str, float]]:
    """The channels of the first instruments, with their names replaced."""
    names = tuple(contract.name for contract in SERVED[venue.name]().contracts)
    found: dict[str, tuple[str, str, float]] = {}
    for stream in venue.streams(Wants(names)):
        channel = stream.name
        for name in sorted(names, key=len, reverse=True):
            channel = channel.replace(name, "NAME").replace(name.lower(), "name")
        found.setdefault(channel, (channel, stream.topic, stream.cadence_s))
    return list(found.values())


if __name__ == "__main__":
    FILE.write_text(text())
