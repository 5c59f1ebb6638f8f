"""Our side of the feed benchmark: frame → verified book → encoded delta."""

import time

from bench.frames import Frames
from deltawire.fanout.lane import make_book_format
from deltawire.model.events import BookDelta, BookImage
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue
from deltawire.wire.notifications import BookNote, Envelope


def run(frames: Frames, *, encode: bool = True) -> float:
    """Seconds of processor time to read, verify, apply and (unless told otherwise) encode every frame."""
    venue = make_venue(frames.venue)
    for url, body in frames.before:
        if url == "subscribed":
            venue.received(body, 0)
        elif tag := venue.tag(url):
            venue.fetched(tag, body, 0)
    write = make_book_format(Envelope("book.X.raw", "epoch")).format
    work = [(int(at * 1e9), payload) for at, payload in frames.frames]
    if frames.image is not None:
        first, *work = work
        venue.received(first[1], first[0])
        venue.received(frames.image, first[0])
    published = 0
    started = time.process_time()
    for at_ns, payload in work:
        for event in venue.received(payload, at_ns):
            if type(event) is BookDelta:
                published += 1
                if encode:
                    write(event.sequence, _note(event))
            elif type(event) is BookImage:
                published += 1
    seconds = time.process_time() - started
    if published < len(work) * 0.9:
        raise AssertionError(f"{frames.name}: only {published} of {len(work)} were published")
    return seconds


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


def run_pure(frames: Frames) -> float:
    """The same with the kernel's twin."""
    with pure_kernel():
        return run(frames)
