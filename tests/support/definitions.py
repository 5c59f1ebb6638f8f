"""Deribit's definitions as facts, and a pure check of values against them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "deribit_definitions.json").read_text()
)
"""`types`, `methods` and `channels`. `name?` may be left out, `@name` is a type of the table, `a|b` are all values."""
PLAIN = {
    "any": object,
    "object": dict,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


class Difference(NamedTuple):
    """How a value differs: `place` counts from the method, the channel or the named type it lies in.

    `kind` is `missing`, `undocumented`, `null`, `value` (none of the values listed) or `type`.
    """

    place: str
    kind: str


def differences(value: Any, definition: Any, place: str) -> Iterator[Difference]:
    """Everything in which a value differs from a definition."""
    if isinstance(definition, str) and definition.startswith("@"):
        yield from differences(value, TABLE["types"][definition[1:]], definition[1:])
    elif isinstance(definition, str):
        yield from _in_plain(value, definition, place)
    elif value is None:
        yield Difference(place, "null")
    elif isinstance(definition, list):
        yield from _in_list(value, definition, place)
    elif "one of" in definition:
        yield from _in_one_of(value, definition["one of"], place)
    elif isinstance(value, dict):
        yield from _in_object(value, definition, place)
    else:
        yield Difference(place, "type")


def _in_plain(value: Any, definition: str, place: str) -> Iterator[Difference]:
    text, _, nullable = definition.partition(" or ")
    kind, _, values = text.partition(" ")
    if value is None:
        if not nullable and kind != "any":
            yield Difference(place, "null")
    elif not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind in ("integer", "number")):
        yield Difference(place, "type")
    elif values and str(value) not in values.split("|"):
        yield Difference(place, "value")


def _in_list(value: Any, definition: list[Any], place: str) -> Iterator[Difference]:
    """A list of one kind, or of as many entries as there are definitions."""
    if not isinstance(value, list):
        yield Difference(place, "type")
    elif len(definition) == 1:
        for each in value:
            yield from differences(each, definition[0], f"{place}[]")
    elif len(value) != len(definition):
        yield Difference(place, "type")
    else:
        for each, wanted in zip(value, definition, strict=True):
            yield from differences(each, wanted, f"{place}[]")


def _in_one_of(value: Any, choices: list[Any], place: str) -> Iterator[Difference]:
    """By the nearest of those that are of the value's shape."""
    alike = [choice for choice in choices if _shape(choice) is type(value)] or choices
    yield from min((list(differences(value, choice, place)) for choice in alike), key=len)


def _shape(definition: Any) -> type:
    """What JSON value a definition is about: an object, a list, or neither."""
    while isinstance(definition, str) and definition.startswith("@"):
        definition = TABLE["types"][definition[1:]]
    return type(definition)


def _in_object(value: dict[str, Any], definition: dict[str, Any], place: str) -> Iterator[Difference]:
    members = {name.removesuffix("?"): (name[-1] == "?", wanted) for name, wanted in definition.items()}
    for name, (optional, wanted) in members.items():
        if name in value:
            yield from differences(value[name], wanted, f"{place}.{name}")
        elif not optional:
            yield Difference(f"{place}.{name}", "missing")
    for name in value.keys() - members.keys():
        yield Difference(f"{place}.{name}", "undocumented")
