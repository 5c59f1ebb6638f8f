"""One row per family says everything about it, and names the class that serves it."""

import inspect
from collections.abc import Iterator

import pytest

from deltawire.dialect.families import CHOICES, FAMILIES, INTERVALS_NS
from deltawire.dialect.grammar import choices
from deltawire.fanout.channel import Channel
from deltawire.fanout.channels import analytics, books, indices, private, quotes, trades, venues
from deltawire.fanout.channels.private import PrivateChannel
from deltawire.fanout.directory import CHANNELS


def served() -> Iterator[type[Channel]]:
    """The classes in the files of channels that are not bases of others alone."""
    for file in (analytics, books, indices, private, quotes, trades, venues):
        for name, kind in inspect.getmembers(file, inspect.isclass):
            is_base = name.startswith("_") or kind is PrivateChannel
            if kind.__module__ == file.__name__ and issubclass(kind, Channel) and not is_base:
                yield kind


def test_every_row_names_a_class_and_every_class_is_named_by_a_row() -> None:
    assert CHANNELS.keys() == FAMILIES.keys()
    assert set(CHANNELS.values()) == set(served())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_agrees_with_the_class_that_it_names(family: str) -> None:
    row, kind = FAMILIES[family], CHANNELS[family]
    assert issubclass(kind, PrivateChannel) is bool(row.right)
    assert kind.merges is (row.merging != "never")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_interval_stands_in_the_names_or_in_the_row(family: str) -> None:
    row = FAMILIES[family]
    assert row.interval in ("", *INTERVALS_NS)
    for template in row.names:
        assert not (row.interval and "interval" in choices(template))


def test_every_choice_is_part_of_a_name() -> None:
    assert {part for row in FAMILIES.values() for name in row.names for part in choices(name)} == {*CHOICES}
