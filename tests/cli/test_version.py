"""`deltawire version` says what the program is, and which files it reads."""

import json

import pytest

from deltawire import __version__
from deltawire.book.kernel import DESCRIPTION
from deltawire.journal.frames import SEGMENT_MARK
from tests.support.commands import run


def test_version_states_program_protocol_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(run(capsys, "version", "--json").out)
    assert {"deltawire": __version__, "kernel": DESCRIPTION}.items() <= said.items()
    assert b"DWJRNL%d\n" % said["journal"] == SEGMENT_MARK
    lines = [line.split(maxsplit=1) for line in run(capsys, "version").out.splitlines()]
    assert dict(lines) == {name: str(value) for name, value in said.items()}
