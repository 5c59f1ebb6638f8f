"""The recordings of real venues that tests replay, and what is known of each."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from deltawire.model.events import Event
from deltawire.recording import Recording, RecordingEntry
from deltawire.sources.replay import play
from deltawire.venues import make_venue


class Recorded(msgspec.Struct, frozen=True):
    """A file, whose it is, how many books it holds, and how many deltas they publish.

    Those are its updates and its later images, without what comes before the first image and without
    what changes nothing.
    """

    venue: str
    path: str
    books: int
    deltas: int


FILES = {
    "deribit": Recorded("deribit", "deribit/DERIBIT.ws.1.0", 10, 36),
    "okx": Recorded("okx", "okx/OKX.ws.1.0", 3, 287 - 3),
    "kraken": Recorded("kraken", "kraken/kraken_btcusd_sample.cbcap", 1, 2_051),
    "kraken-resubscribed": Recorded("kraken", "kraken/kraken_btcusd_l2.cbcap", 1, 296 + 4),
    "binance_spot": Recorded("binance_spot", "binance_spot/btcusdt_20240808.gz", 1, 3_450 - 2 - 2),
    "binance_usdm": Recorded("binance_usdm", "binance_usdm/btcusdt_20240808.gz", 1, 6_550 - 3),
}


def records(folder: Path, name: str) -> list[RecordingEntry]:
    """Everything in a recording."""
    return list(Recording(folder / FILES[name].path).records())


def events(recorded: list[RecordingEntry], venue: str) -> list[Event]:
    """What a fresh machine makes of records."""
    return [event for batch in play(recorded, make_venue(venue)) for event in batch.events]


def events_by_record(recorded: list[RecordingEntry], venue: str) -> list[list[Event]]:
    """The same, as a list for each record."""
    found: list[list[Event]] = []

    def counted() -> Iterator[RecordingEntry]:
        for record in recorded:
            found.append([])
            yield record

    for batch in play(counted(), make_venue(venue)):
        found[-1] += batch.events
    return found
