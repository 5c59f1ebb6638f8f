"""Numbers finer than before, too fine to be true, or written otherwise: what each of the reported cases gives."""

from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from deltawire.book.book import Book
from deltawire.model.events import Event, Fault, Listing, Status, Trade
from deltawire.recording import Recording
from deltawire.sources.replay import play
from deltawire.testing.kernels import pure_kernel
from deltawire.testing.replica import Replica
from deltawire.venues import make_venue

HERE = Path(__file__).parent
VENUES = {"deribit": "deribit", "okx": "okx", "spot": "binance_spot", "usdm": "binance_usdm"}
"""Whose a file is, by how its name begins; the others are Kraken's."""

Side = dict[str, str]


class Outcome(msgspec.Struct, frozen=True):
    """What a case gives: the only book at the end, and what was said on the way."""

    exponents: tuple[int, int]
    bids: Side
    asks: Side
    trades: int = 0
    faults: tuple[str, ...] = ()
    """What each fault's reason says."""
    checksums: int = 0
    stale: str = ""
    """What the reason of the only stale status says; a book without one is live and stays so."""
    listings: int = 1


FINER = {
    "deribit_empty": Outcome((-4, -1), {"0.0105": "3.5"}, {}),
    "deribit_finer": Outcome((-2, 0), {"3000.15": "200", "3000.1": "100"}, {"3000.2": "100"}, listings=2),
    "deribit_half": Outcome((-1, 0), {"61000.5": "200", "61000": "100"}, {"61001": "100"}),
    "deribit_size": Outcome((0, -1), {"61000": "1", "60999": "0.5"}, {"61001": "2"}),
    "deribit_trade_first": Outcome((-1, 0), {"61000.5": "100", "61000": "100"}, {"61001": "100"}, trades=1),
    "kraken_empty": Outcome((-2, -8), {"1.10": "5"}, {}, checksums=2),
    "okx_empty": Outcome((-1, 0), {"10.5": "2"}, {}),
    "okx_price": Outcome((-1, 0), {"10.5": "3", "10": "2"}, {"11": "5"}),
    "okx_size": Outcome((0, -1), {"10": "2.5", "9": "3"}, {"11": "5"}),
    "spot_empty": Outcome((-8, -8), {"0.12345": "10.5"}, {}),
    "usdm_empty": Outcome((-5, -1), {"0.12345": "11.5"}, {}),
}
NOISE = "more than 15 digits: float noise"
ETH = Outcome((-2, 0), {"3000.05": "200"}, {"3000.1": "50"}, trades=1, faults=(NOISE,))
BTC = Outcome((-1, -1), {"60000.1": "2.5"}, {"60000.2": "5"}, trades=1, faults=(NOISE,))
LONG = {
    "deribit_amount": ETH,
    "deribit_book_first": msgspec.structs.replace(ETH, trades=2, faults=()),
    "deribit_noise13": ETH,
    "deribit_noise13_after": msgspec.structs.replace(ETH, bids={"3000.05": "200", "2999.95": "200"}),
    "deribit_noise17": ETH,
    "deribit_trade_first": msgspec.structs.replace(ETH, trades=2, faults=()),
    "okx_long_after": BTC,
    "okx_long_first": BTC,
    "okx_longest_first": BTC,
    "okx_size_after": msgspec.structs.replace(BTC, faults=("finer than 10 places",)),
    "okx_size_first": msgspec.structs.replace(BTC, trades=2, faults=("finer than 10 places",)),
    "okx_zeros_first": msgspec.structs.replace(BTC, trades=2, faults=(), listings=2),
    "usdm_force_first": Outcome((-2, -1), {"60000.1": "3"}, {"60000.2": "1"}, faults=(NOISE,)),
}
SHIB = {"0.00001230": "1500", "0.00001229": "50.5", "0.00001228": "7"}
SHIB_ASKS = {"0.00001231": "10"}
SMALL = {
    "empty": Outcome((0, 0), {}, {}, checksums=1, listings=0),
    "empty_then": Outcome((-2, -8), {"1.10": "5"}, {}, checksums=2),
    "finer": Outcome(
        (-2, -8), {"8750.05": "1", "8750": "1", "8740": "2"}, {"8760": "3"}, checksums=3, listings=2
    ),
    "ints": Outcome((0, 0), {"61000": "1"}, {"61001": "2"}, checksums=1, listings=0),
    "round": Outcome((-1, -8), {"8740": "2", "8730": "1.1"}, {"8760": "3"}, checksums=2),
    "sci_image": Outcome((-8, -8), {"0.0000123": "1500", "0.00001229": "50.5"}, SHIB_ASKS, checksums=1),
    "sci_update": Outcome((-8, -8), SHIB | {"0.00001228": "8"}, SHIB_ASKS, checksums=3),
    "sci_with_list": Outcome((-8, -8), {"0.0000123": "1500", "0.00001229": "50.5"}, SHIB_ASKS, checksums=1),
    "stripped_no_list": Outcome((-8, -8), SHIB, SHIB_ASKS, checksums=2, listings=2),
    "stripped_with_list": Outcome((-8, -8), SHIB, SHIB_ASKS, checksums=2),
    "thin": Outcome((-8, -8), SHIB, {}, checksums=3),
}
SCIENTIFIC = {
    **{
        f"deribit{number}": Outcome(exponents, {price: "0.5"}, {"2": "1"}, listings=1)
        for number, exponents, price in (
            (0, (-4, -1), "0.0005"),
            (1, (-4, -1), "0.0005"),
            (2, (-4, -1), "0.0005"),
            (3, (-8, -1), "0.00000001"),
            (4, (0, -1), "1"),
        )
    },
    "deribit5": Outcome((0, 0), {}, {}, stale=NOISE, listings=0),
    "okx_image": Outcome((0, 0), {}, {}, stale="'1e-8' is no decimal", listings=0),
    "okx_update": Outcome((-8, -1), {"0.00000001": "1.5"}, {"0.00000003": "1"}, stale="'2e-8' is no decimal"),
}
CASES = {
    "18-finer-number-in-an-update": FINER,
    "25-one-long-decimal-poisons-an-instrument": LONG,
    "17-kraken-small-prices-and-checksum": SMALL,
    "31-deribit-and-okx-exponent-notation": SCIENTIFIC,
}


FILES = {
    HERE / folder / f"{name}.log": outcome
    for folder, found in CASES.items()
    for name, outcome in found.items()
}
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def replayed(path: Path) -> tuple[Book, list[Event]]:
    """The only book of a file, and all events."""
    venue = make_venue(next((VENUES[key] for key in VENUES if path.name.startswith(key)), "kraken"))
    events = [event for batch in play(Recording(path).records(), venue) for event in batch.events]
    (book,) = venue.books.values()  # type: ignore[attr-defined]
    return book, events


def levels(book: Book, side: str) -> dict[Decimal, Decimal]:
    instrument, shown = book.instrument, getattr(book.ladder, side).levels()
    return {
        Decimal(price).scaleb(instrument.price_exponent): Decimal(size).scaleb(instrument.size_exponent)
        for price, size in zip(shown.prices, shown.sizes, strict=True)
    }


def decimals(side: Side) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(size) for price, size in side.items()}


def test_every_file_of_these_cases_has_its_outcome() -> None:
    assert set(FILES) == {path for folder in CASES for path in (HERE / folder).glob("*.log")}


@pytest.mark.parametrize("pure", [False, True], ids=["chosen", "pure"])
@every_file
def test_a_case_gives_what_a_user_would_want(path: Path, pure: bool) -> None:
    outcome = FILES[path]
    with pure_kernel() if pure else nullcontext():
        book, events = replayed(path)
    instrument = book.instrument
    assert (instrument.price_exponent, instrument.size_exponent) == outcome.exponents
    assert (levels(book, "bids"), levels(book, "asks")) == (decimals(outcome.bids), decimals(outcome.asks))
    assert len([event for event in events if isinstance(event, Trade)]) == outcome.trades
    faults = [event.reason for event in events if isinstance(event, Fault)]
    assert len(faults) == len(outcome.faults)
    assert all(wanted in fault for wanted, fault in zip(outcome.faults, faults, strict=True))
    assert (book.counts.checksums_ok, book.counts.checksums_bad) == (outcome.checksums, 0)
    stale = [event for event in events if isinstance(event, Status) and event.state == "stale"]
    assert len(stale) == bool(outcome.stale)
    assert all(status.reason == "malformed" and outcome.stale in status.detail for status in stale)
    assert book.state == ("syncing" if outcome.stale else "live")
    replica = Replica()
    for event in events:
        replica.take(event)


@every_file
def test_listings_say_what_has_become_finer_and_come_before_it(path: Path) -> None:
    _, events = replayed(path)
    assert len([event for event in events if isinstance(event, Listing)]) == FILES[path].listings
    known: tuple[int, int] | None = None
    for event in events:
        if isinstance(event, Fault):
            continue
        exponents = event.instrument.price_exponent, event.instrument.size_exponent  # type: ignore[union-attr]
        if known is not None and not isinstance(event, Listing):
            assert exponents == known
        elif known is not None:
            assert exponents[0] <= known[0]
            assert exponents[1] <= known[1]
        known = exponents
