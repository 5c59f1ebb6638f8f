"""The straight way: how a venue writes the book messages that the compiled kernel may take whole, from frame to
verified changes, or to a verified image, in one call.

A shape is such a frame's text, byte for byte, with holes. A frame that is of no shape, and a message about which
anything is unusual (a gap, a number that does not fit, a wrong checksum, a book that is not live), goes the other
way, through the venue's parser and `Book`, which judge it. So shapes only ever save time; they decide nothing.
"""

import re
from typing import Any, Literal

import msgspec

from deltawire.book.kernel import Router
from deltawire.book.twin import Form, Shape

HOLES = (
    "label",  # a name that must be the book's label, before the symbol
    "symbol",
    "first",  # ids, as in `BookUpdate`
    "last",
    "previous",
    "checksum",
    "venue_ms",  # the venue's time in milliseconds
    "time",  # the same as RFC 3339 text with microseconds
    "any_ms",  # a time that nobody reads
    "bids",  # level arrays
    "asks",
)
_HOLE = re.compile(r"\$([a-z_]+)")


class StraightWay(msgspec.Struct, frozen=True):
    """One venue's: the form of its levels, its continuity rule, what its checksum is made of, and the shapes.

    `images` are the shapes of images, where these come among the updates.
    """

    form: Form
    rule: Literal["previous_id", "range", "bridged", "none"]
    shapes: tuple[str, ...]
    images: tuple[str, ...] = ()
    checksum: Literal["", "digits", "texts"] = ""

    def make_router(self, **ways: Any) -> Router:
        """For one connection; `ways` are where its frames go from there, as `Router` names them."""
        shapes, images = ([parse_shape(text) for text in texts] for texts in (self.shapes, self.images))
        return Router(self.form, self.rule, self.checksum, shapes, images, **ways)


def parse_shape(text: str) -> Shape:
    """Literal texts, each with the hole behind it; "" behind the last. The symbol stands before the levels."""
    parts = _HOLE.split(text)
    unknown = set(parts[1::2]) - {*HOLES}
    if unknown:
        raise ValueError(f"no hole {', '.join(sorted(unknown))}")
    return list(zip(parts[::2], [*parts[1::2], ""], strict=True))
