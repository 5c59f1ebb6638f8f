"""Who follows docs/add-a-venue.md literally has a venue that passes the tests of all venues."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.effort import THOROUGH

TOP = Path(__file__).parents[2]
TESTS = (
    "tests/venues/test_conformance.py::TestAnUndisturbedStream",
    "tests/venues/test_conformance.py::TestAFaultInOneBook::test_a_lost_delta_makes_the_book_stale_and_one_delta_mends_it",
    "tests/venues/test_streams.py",
    "tests/testing/venue_server/test_venues.py",
    "tests/sources/live/test_source.py",
)
THOROUGHLY = (
    "tests/venues",
    "tests/testing",
    "tests/sources/live",
)


def test_the_venue_of_the_page_passes_the_tests_of_all_venues() -> None:
    plugins = ["-p", "tests.venues.added_venue", "-p", "no:cacheprovider", "-p", "no:xdist"]
    tests = THOROUGHLY if THOROUGH else TESTS
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, *tests, "-k", "acme"],
        cwd=TOP,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= (100 if THOROUGH else 8), done.stdout
