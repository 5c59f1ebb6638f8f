"""Every fault at every venue, in virtual time: stale within the stated time, live again within the stated time.

At each book event the levels within the known range are the venue's own. `make test` takes one venue of each fault and
one fault of each venue, `make thorough` all.
"""

import pytest

from deltawire.testing.venue_server.faults import KINDS
from tests.sources.live.fault_rows import ALL_SILENT, FETCHED, ROWS, VENUES, strike
from tests.sources.live.virtual_time import run_virtually
from tests.support.effort import THOROUGH

TABLE = [(venue, kind) for venue in VENUES for kind in ROWS]
SAMPLE = [(VENUES[place % len(VENUES)], kind) for place, kind in enumerate(ROWS)]


def test_every_fault_of_the_simulator_has_a_row() -> None:
    assert ROWS.keys() == {*KINDS}
    assert {venue for venue, _ in SAMPLE} == {*VENUES}


@pytest.mark.parametrize(("venue", "kind"), TABLE if THOROUGH else SAMPLE)
def test_a_fault_is_told_in_time_and_healed_in_time(venue: str, kind: str) -> None:
    run_virtually(strike(venue, ROWS[kind]), 300)


@pytest.mark.parametrize("venue", FETCHED if THOROUGH else ["binance_options"])
def test_an_instrument_of_which_nothing_comes_is_compared_with_an_image_in_time(venue: str) -> None:
    run_virtually(strike(venue, ALL_SILENT), 300)
