"""The table of rights in `docs/security.md` is the code's."""

import re
from pathlib import Path

import deltawire.session.server  # noqa: F401 (it fills the table of methods)
from deltawire.session.methods import METHODS
from deltawire.session.rights import PRIVATE

DOCUMENT = Path(__file__).parent.parent / "docs" / "security.md"


def rows() -> dict[str, list[str]]:
    """By right the cells of its row."""
    table = DOCUMENT.read_text().partition("## Who can do what")[2].partition("## ")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return {cells[0].strip(" `"): cells[1:] for cells in lines}


def test_every_private_method_stands_at_the_right_that_it_needs() -> None:
    found = {right: set(re.findall(r"`(\w+)`", cells[0])) for right, cells in rows().items()}
    for name, method in METHODS.items():
        if name.startswith("private/"):
            assert name.removeprefix("private/") in found[method.right or "(signed in)"]
    assert sum(map(len, found.values())) == sum(name.startswith("private/") for name in METHODS)


def test_every_private_channel_stands_at_the_right_that_it_needs() -> None:
    for prefix, right in PRIVATE.items():
        named = f"`{prefix}…`" if prefix.endswith(".") else f"`{prefix}`"
        assert named in rows()[right][1]
