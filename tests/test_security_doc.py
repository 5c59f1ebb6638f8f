"""The table of rights in `docs/security.md` is the code's."""

import re
from pathlib import Path

from deltawire.dialect.families import CHOICES, FAMILIES
from deltawire.session import unavailable
from deltawire.session.methods import collect
from deltawire.session.table import METHODS

DOCUMENT = Path(__file__).parent.parent / "docs" / "security.md"


def rows() -> dict[str, list[str]]:
    """By right the cells of its row."""
    table = DOCUMENT.read_text().partition("## Who can do what")[2].partition("## ")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return {cells[0].strip(" `"): cells[1:] for cells in lines}


def test_every_private_method_stands_at_the_right_that_it_needs() -> None:
    found = {right: set(re.findall(r"`([\w/]+)`", cells[0])) for right, cells in rows().items()}
    private = {name for name in METHODS if name.startswith("private/")} - collect(unavailable).keys()
    for name, method in METHODS.items():
        if name in private:
            assert name.removeprefix("private/") in found[method.right or "(signed in)"]
    assert sum(map(len, found.values())) == len(private)


def test_every_private_channel_stands_at_the_right_that_it_needs() -> None:
    found = {right: set(re.findall(r"`([\w.…]+)`", cells[1])) for right, cells in rows().items()}
    families = [family for family in FAMILIES.values() if family.right]
    assert families
    for family in families:
        for template in family.names:
            for role in CHOICES["role"]:
                start, part, _ = template.replace("{role}", role).partition("{")
                assert start + "…" * bool(part) in found[family.right], template
