"""What all tests share."""

import os
from pathlib import Path

import pytest

RECORDINGS = Path(
    os.environ.get("DELTAWIRE_RECORDINGS") or Path(__file__).resolve().parents[2] / "shared" / "recordings"
)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder with recordings of real venues."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings at {RECORDINGS} (DELTAWIRE_RECORDINGS names the folder)")
    return RECORDINGS
