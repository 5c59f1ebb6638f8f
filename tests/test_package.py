"""What `import deltawire` gives, and how the command begins."""

import signal
import subprocess
import sys

import pytest

import deltawire
from tests.support.waiting import HANG_S

INTERRUPTED = """
import os, signal, sys

class Hook:
    def find_spec(self, name, *rest):
        if name == "deltawire.cli.serve":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Hook())
from deltawire.__main__ import run
run()
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )


@pytest.mark.parametrize("name", deltawire.__all__)
def test_every_name_that_is_exported_is_there(name: str) -> None:
    assert getattr(getattr(deltawire, name), "__name__", name) == name
    assert name in dir(deltawire)


def test_the_names_have_places_and_nothing_else_has() -> None:
    assert sorted(deltawire.PLACES) == sorted(deltawire.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        deltawire.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_does_not_wait_for_all_of_it() -> None:
    outcome = python("import deltawire, sys; print('websockets' in sys.modules, deltawire.Feed.__name__)")
    assert (outcome.stdout, outcome.stderr) == ("False Feed\n", "")


def test_an_interrupt_while_the_command_is_loaded_is_no_traceback() -> None:
    outcome = python(INTERRUPTED)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (-signal.SIGINT, "", "")
