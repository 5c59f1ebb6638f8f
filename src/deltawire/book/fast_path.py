"""The fast path: which members of a venue's book messages the compiled kernel needs, so that it can take a message
whole, from frame to verified changes, or to a verified image, in one call.

A frame is declared as its nested members, each with what it is to us. Their order does not matter, and members that
neither the declaration nor the venue's parser knows are passed over. A frame that is declared otherwise, and a message
about which anything is unusual (a gap, a number that does not fit, a wrong checksum, a book that is not live), goes
the other way, through the venue's parser and `Book`, which judge it. So declarations only ever save time; they decide
nothing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from deltawire.book.kernel import Router
from deltawire.book.pure import Declared, Form

ROLES = (
    "label",  # a name that must be the book's label; a frame without one is of the label ""
    "symbol",
    "first",  # ids, as in `BookUpdate`
    "last",
    "previous",
    "checksum",
    "venue_ms",  # the venue's time in milliseconds
    "any_ms",  # a time that must be one, and that nobody reads
    "time",  # the venue's time as RFC 3339 text with microseconds
    "bids",  # level arrays
    "asks",
)
_TEXT = re.compile(r'([^$?]+|(?=\$))(?:\$([a-z_]+)("?))?(\??)')


class Members(msgspec.Struct, frozen=True):
    """The members of an object in a frame: what is needed at each name, and which names make it the parser's.

    A text stands for what the frame has there: `'"change"'` for just that, `"$last"` for a number that has this role,
    `'"$symbol"'` for a string that has it, all of it (`'"book.$label"'`: and that begins so). A `?` at the end says
    that the member may be missing. Members in a list are those of the only element of an array.
    """

    needed: Mapping[str, "str | Members | list[Members]"]
    refused: frozenset[str] = frozenset()

    def declared(self) -> Declared:
        """As the kernel takes it."""
        needed = [_declare(f'"{name}":', value) for name, value in self.needed.items()]
        return [*needed, *((f'"{name}":', "refused", "", False, False, ()) for name in sorted(self.refused))]


def members(*parsers: type[msgspec.Struct], **needed: "str | Members | list[Members]") -> Members:
    """An object that these structs read in the venue's parser: what they read and the kernel does not is theirs."""
    return Members(needed, frozenset(_names(parsers)) - set(needed))


def _names(parsers: tuple[type[msgspec.Struct], ...]) -> Iterator[str]:
    for parser in parsers:
        for field in msgspec.structs.fields(parser):
            yield field.encode_name


def _declare(key: str, value: "str | Members | list[Members]") -> tuple[str, str, str, bool, bool, Declared]:
    if isinstance(value, Members):
        return key, "object", "{", False, True, value.declared()
    if isinstance(value, list):
        (only,) = value
        return key, "sole", "[{", False, True, only.declared()
    match = _TEXT.fullmatch(value)
    if match is None or (match[2] or ROLES[0]) not in ROLES:
        raise ValueError(f"not a member of a frame: {value!r}")
    before, role, quote, optional = match.groups()
    return key, role or "constant", before, bool(quote), not optional, ()


class FastPath(msgspec.Struct, frozen=True):
    """One venue's: the form of its levels, its continuity rule, what its checksum is made of, and its frames.

    `updates` are the frames of updates, in each envelope that they come in; `images` those of images, where these come
    among the updates.
    """

    form: Form
    rule: Literal["previous_id", "range", "bridged", "counter", "none"]
    updates: tuple[Members, ...]
    images: tuple[Members, ...] = ()
    checksum: Literal["", "digits", "texts"] = ""

    def make_router(self, **ways: Any) -> Router:
        """For one connection; `ways` are where its frames go from there, as `Router` names them."""
        updates, images = ([frame.declared() for frame in frames] for frames in (self.updates, self.images))
        return Router(self.form, self.rule, self.checksum, updates, images, **ways)
