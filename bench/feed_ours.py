"""Our side of the feed benchmark: frame → verified book, and from there → encoded delta."""

from collections.abc import Callable
from functools import partial

from bench.frames import Frames, Spent, stretches
from deltawire.fanout.channel_encoding import make_book_format
from deltawire.model.events import BookDelta, BookImage
from deltawire.ports import Venue
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue
from deltawire.wire.notifications import BookNote, Envelope


def run(frames: Frames, times: int, *, encode: bool) -> Spent:
    """Read, verify, apply and, where told to, encode every frame, so many times, each on a venue of its own."""
    spent = Spent()
    for venue, work in [_prepare(frames) for _ in range(times)]:
        take = _Encoder(venue).take if encode else partial(_take, venue)
        published = 0
        for images, stretch in work:
            spent.start()
            published += take(stretch)
            spent.stop(images=images)
        if published < len(frames) * 0.9:
            raise AssertionError(f"{frames.name}: only {published} of {len(frames)} were published")
    return spent


Stretch = list[tuple[int, bytes]]
Work = list[tuple[bool, Stretch]]


def _take(venue: Venue, stretch: Stretch) -> int:
    """How many events came of these frames."""
    published, received = 0, venue.received
    for at_ns, payload in stretch:
        published += len(received(payload, at_ns))
    return published


class _Encoder:
    """Writes each change as the server does: by one format for each channel."""

    def __init__(self, venue: Venue) -> None:
        self._received = venue.received
        self._formats: dict[str, Callable[[int, BookNote], bytes]] = {}

    def take(self, stretch: Stretch) -> int:
        """How many changes and images came of these frames."""
        published, received, formats = 0, self._received, self._formats
        for at_ns, payload in stretch:
            for event in received(payload, at_ns):
                if type(event) is BookDelta:
                    published += 1
                    name = event.instrument.name
                    if name not in formats:
                        formats[name] = make_book_format(Envelope(f"book.{name}.raw", "epoch")).format
                    formats[name](event.sequence, event.sequence - event.covers, _note(event))
                elif type(event) is BookImage:
                    published += 1
        return published


def _prepare(frames: Frames) -> tuple[Venue, Work]:
    """A venue that has heard all but what is measured, and that."""
    venue = make_venue(frames.venue)
    for url, body in frames.before:
        if url == "subscribed":
            venue.received(body, 0)
        elif tag := venue.tag(url):
            venue.fetched(tag, body, 0)
    work = frames.frames
    if frames.image is not None:
        (at, first), *work = work
        venue.received(first, int(at * 1e9))
        venue.received(frames.image, int(at * 1e9))
    return venue, [
        (images, [(int(at * 1e9), payload) for at, payload in stretch]) for images, stretch in stretches(work)
    ]


def _note(delta: BookDelta) -> BookNote:
    sequence, instrument = delta.sequence, delta.instrument
    return BookNote(
        "change",
        delta.venue_ns,
        instrument.name,
        instrument,
        sequence,
        delta.bids,
        delta.asks,
        sequence - 1,
    )


def run_pure(frames: Frames, times: int) -> Spent:
    """The same, encoded, with the kernel's twin."""
    with pure_kernel():
        return run(frames, times, encode=True)
