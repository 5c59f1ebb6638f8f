"""Runs the pure Python kernel beside the compiled one, to compare them."""

from collections.abc import Iterator
from contextlib import contextmanager

from deltawire.book import book, checksums, fast_path, kernel, known, ladder, merging, pure
from deltawire.fanout.channels import books
from deltawire.market import book_log, whole


@contextmanager
def pure_kernel() -> Iterator[None]:
    """Within this context, books are created and processed in pure Python, whichever kernel was chosen."""
    places = [
        (ladder, "Side"),
        (known, "Side"),
        (fast_path, "Router"),
        (book, "read_places"),
        (checksums, "level_digits"),
        (merging, "Pending"),
        (book_log, "Pending"),
        (whole, "join_changes"),
        (books, "Pending"),
        (books, "Top"),
    ]
    chosen = [(module, name, getattr(module, name)) for module, name in places]
    compiled, kernel.COMPILED = kernel.COMPILED, False
    for module, name in places:
        setattr(module, name, getattr(pure, name))
    try:
        yield
    finally:
        kernel.COMPILED = compiled
        for module, name, value in chosen:
            setattr(module, name, value)
