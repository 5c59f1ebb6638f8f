"""Logging of a server: one line per event, control characters escaped; no core files."""

import contextlib
import os
import resource
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from deltawire.errors import UsageError


def escape_controls(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write control characters as escapes, so that texts from clients cannot add lines or colours."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "exception":
            event[key] = "".join(
                character if character.isprintable() else ascii(character)[1:-1] for character in value
            )
    return event


FORMAT = "DELTAWIRE_LOG"
"""The environment variable that selects the format: `text` or `json`."""


def log_to_stderr(**fields: Any) -> None:
    """Configure structlog to write to standard error, as text or as one JSON object per line; with `fields` in each."""
    form = os.environ.get(FORMAT) or "text"
    if form not in ("text", "json"):
        raise UsageError(f"{FORMAT} must be text or json, not {form!r}")
    structlog.configure(
        processors=[
            lambda logger, name, event: {**event, **fields},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            escape_controls,
            *(_json() if form == "json" else _text()),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def _text() -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def keep_no_core() -> None:
    """Disable core files: a crash must not leave secrets on disk."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
