"""Small recordings of the simulators, kept in `tests/data/venues`: what a venue's frames are must not change unnoticed.

`python -m tests.venues.test_fixtures` writes them anew.
"""

import gzip
from pathlib import Path

import msgspec
import pytest

from deltawire.cli.verification import Report, Verification
from deltawire.ports import Send
from deltawire.recording import Recording
from deltawire.testing.link import STEP_NS
from deltawire.testing.simulators import SIMULATORS
from deltawire.venues import make_venue

FOLDER = Path(__file__).parent.parent / "data" / "venues"
STEPS = 12


class Contents(msgspec.Struct, frozen=True):
    """What a fixture has: books that are live in the end, sums over them, and what came beside them."""

    live: int
    images: int
    deltas: int
    trades: int
    tickers: int


EACH = 3 * STEPS
COUNTS = {
    "binance_coinm": Contents(3, 3, EACH, EACH, EACH),
    "binance_options": Contents(3, 3, EACH, EACH, EACH),
    "bybit_inverse": Contents(3, 3, EACH, EACH, EACH),
    "bybit_linear": Contents(3, 3, EACH, EACH, EACH),
    "bybit_option": Contents(3, 3, EACH, EACH, EACH),
    "bybit_spot": Contents(3, 3, EACH, EACH, EACH),
    "coinbase": Contents(3, 3, EACH, EACH, EACH),
    "hyperliquid": Contents(3, 3 + EACH, 0, EACH, EACH),
    "kraken_futures": Contents(3, 3, EACH, EACH, EACH),
}


def recorded(name: str) -> bytes:
    """A session with a simulator, one `<ns> <frame>` a line; images that are fetched stand among the frames."""
    simulator, lines = SIMULATORS[name](1), []

    def record(frame: bytes) -> None:
        lines.append(b"%d %b\n" % (simulator.now_ns, frame))

    for ask in make_venue(name).opened(simulator.wants(), simulator.now_ns):
        for frame in simulator.answer(ask.frame) if isinstance(ask, Send) else []:
            record(frame)
    for step in range(STEPS):
        for symbol in simulator.instruments:
            simulator.advance(simulator.now_ns + STEP_NS)
            record(simulator.delta(symbol))
            if simulator.fetched_images and not step:
                record(simulator.image(symbol))
            record(simulator.trade(symbol))
            record(simulator.ticker(symbol))
    return b"".join(lines)


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.log.gz"


def reported(name: str) -> Report:
    verification = Verification(Recording(path_of(name)), make_venue(name))
    for _ in verification.run():
        pass
    return verification.report(0)


@pytest.mark.parametrize("name", COUNTS)
def test_the_simulator_still_writes_its_fixture(name: str) -> None:
    assert gzip.decompress(path_of(name).read_bytes()) == recorded(name)


@pytest.mark.parametrize("name", COUNTS)
def test_a_fixture_replays_to_its_counts(name: str) -> None:
    report = reported(name)
    books = report.instruments.values()
    assert COUNTS[name] == Contents(
        sum(book.verified for book in books),
        sum(book.images for book in books),
        sum(book.deltas for book in books),
        report.events.get("trade", 0),
        report.events.get("ticker", 0),
    )
    assert not report.faults
    assert not report.unread


if __name__ == "__main__":
    for venue in COUNTS:
        path_of(venue).write_bytes(gzip.compress(recorded(venue), mtime=0))
