"""Output to terminals of any encoding."""

import codecs
import sys
from io import TextIOWrapper
from typing import Any

import msgspec
import typer

HANDLER = "deltawire-fallback"
FALLBACKS = {
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "±": "+-",
    "×": "x",
    "·": "|",
    "µ": "u",
    "→": "->",
    "█": "#",
    "─": "-",
    "━": "-",
    "│": "|",
    "┃": "|",
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╸╺╴╶", "+"),
}
"""Replacements for characters that the encoding of the output does not have."""


def _fall_back(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(FALLBACKS.get(char) or _escape(char) for char in lost), error.end


def _escape(char: str) -> str:
    """The escape of a character in JSON."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


codecs.register_error(HANDLER, _fall_back)


def write_what_fits() -> None:
    """Replace characters that the encodings of the outputs do not have, from now on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def print_json(value: Any) -> None:
    """Print one line of JSON, in ASCII if the output is not UTF-8."""
    text = msgspec.json.encode(value).decode()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if not encoding.lower().startswith("utf"):
        text = "".join(char if char.isascii() else _escape(char) for char in text)
    typer.echo(text)
    sys.stdout.flush()
