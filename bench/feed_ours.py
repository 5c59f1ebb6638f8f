"""Our side of the feed benchmark: frame → verified book → encoded delta."""

import time

from bench.frames import Frames
from deltawire.model.events import BookDelta, BookImage
from deltawire.venues import make_venue
from deltawire.wire.notifications import BookData, Envelope, change_triples, format_data


def run(frames: Frames, *, encode: bool = True) -> float:
    """Seconds of processor time to read, verify, apply and (unless told otherwise) encode every frame."""
    venue = make_venue(frames.venue)
    for url, body in frames.before:
        if url == "subscribed":
            venue.received(body, 0)
        elif tag := venue.tag(url):
            venue.fetched(tag, body, 0)
    envelope = Envelope("book.X.raw", "epoch")
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
                    _encode(event, envelope)
            elif type(event) is BookImage:
                published += 1
    seconds = time.process_time() - started
    if published < len(work) * 0.9:
        raise AssertionError(f"{frames.name}: only {published} of {len(work)} were published")
    return seconds


def _encode(delta: BookDelta, envelope: Envelope) -> bytes:
    instrument = delta.instrument
    data = BookData(
        "change",
        delta.venue_ns // 1_000_000,
        instrument.name,
        delta.sequence,
        change_triples(delta.bids, instrument),
        change_triples(delta.asks, instrument),
        delta.sequence - 1,
    )
    return envelope.wrap(delta.sequence, format_data(data))
