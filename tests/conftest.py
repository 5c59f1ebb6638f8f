"""What every test shares: hypothesis without chance or clock, and the recordings of real venues."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from deltawire.book import kernel
from tests.support.effort import load_profile
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


TRIED = WAYS[::3] if kernel.ASKED_PURE else WAYS
"""In pure Python two of them are enough: what differs there is how bytes leave, not how connections live."""


@pytest.fixture(scope="module", params=TRIED, ids=str)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Over ws and wss, on uvloop and on asyncio; clients of this process trust the certificate."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param.secure:
            patched.setenv("SSL_CERT_FILE", str(certificate()))
        yield request.param
