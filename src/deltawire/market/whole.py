"""Books with the levels beyond their known range, for those who ask for them."""

from deltawire.book.kernel import join_changes
from deltawire.book.ladder import changes_between
from deltawire.market.book_log import BookEntry, BookLogs
from deltawire.market.state import InstrumentState
from deltawire.model.events import BookDelta, BookImage, Changes, Status


def follow_whole(
    state: InstrumentState, event: BookImage | BookDelta | Status, now: int, moment: int, logs: BookLogs
) -> None:
    """Apply an event of a book to its whole as well; before the book itself has it.

    A book has a whole from the first event on by which its known range ends somewhere.
    """
    if state.whole is None:
        if isinstance(event, Status) or not event.known.edged:
            return
        state.part()
    assert state.whole is not None
    whole = state.whole
    entry: BookEntry | None
    if isinstance(event, BookDelta):
        apart = event.known is state.known_range
        entry = whole.changed_by(widened(event, whole.sequence + 1, apart=apart), now, moment)
    elif isinstance(event, BookImage):
        entry = whole.imaged_by(event, now, moment)
    else:
        entry = whole.apply_status(event, now, moment)
    if entry is not None:
        logs.add(whole.book_log, entry)


def widened(delta: BookDelta, sequence: int, *, apart: bool = False) -> BookDelta:
    """A delta with the changes beyond the known range among the others, under another number.

    `apart` says that the range is as before, so that no price is within and beyond it.
    """
    bids, asks = delta.bids, delta.asks
    if delta.beyond is not None:
        join = join_changes if apart else _joined
        bids = join(bids, delta.beyond.bids) if bids else delta.beyond.bids
        asks = join(asks, delta.beyond.asks) if asks else delta.beyond.asks
    return BookDelta(
        delta.instrument,
        sequence,
        bids,
        asks,
        delta.venue_ns,
        delta.seen_ns,
        delta.venue_sequence,
        1,
        delta.known,
    )


def _joined(near: Changes, far: Changes) -> Changes:
    """Both, where a level that an image has made known counts as what it was beyond the range."""
    before = dict(zip(near.prices, near.previous, strict=True))
    after = dict(zip(near.prices, near.sizes, strict=True))
    for price, size, previous in zip(far.prices, far.sizes, far.previous, strict=True):
        before[price] = previous
        after.setdefault(price, size)
    return changes_between(before, after)
