"""What every test shares: hypothesis without chance or clock, and the recordings of real venues."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.support.effort import THOROUGH, load_profile
from tests.support.gateway_server import WAYS, Way, certificate

load_profile()

os.environ["DELTAWIRE_HOME"] = os.environ.get("DELTAWIRE_TEST_HOME") or mkdtemp(prefix="deltawire-tests-")
"""No test sees the keys of whoever runs it."""

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as for a job in the background, and all that it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)

RECORDINGS = Path(
    os.environ.get("DELTAWIRE_RECORDINGS")
    or Path(__file__).resolve().parent.parent.parent / "shared" / "recordings"
)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recordings; a test that needs it carries the marker `recordings`."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings at {RECORDINGS}; DELTAWIRE_RECORDINGS names another folder")
    return RECORDINGS


def pytest_collection_finish() -> None:
    """What collection has made stays to the end: later collections of garbage need not walk through it."""
    gc.collect()
    gc.freeze()


TRIED = WAYS if THOROUGH else WAYS[1:3]
"""Each scheme and each loop once; the servers that no way is said of are those of ws and uvloop."""


@pytest.fixture(scope="module", params=TRIED, ids=str)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Over ws and wss, on uvloop and on asyncio; clients of this process trust the certificate."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param.secure:
            patched.setenv("SSL_CERT_FILE", str(certificate()))
        yield request.param
