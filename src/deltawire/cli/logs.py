"""Logging of a server: one line per event, control characters escaped; no core files."""

import contextlib
import resource
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog


def escape_controls(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write control characters as escapes, so that texts from clients cannot add lines or colours."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "exception":
            event[key] = "".join(
                character if character.isprintable() else ascii(character)[1:-1] for character in value
            )
    return event


def log_to_stderr() -> None:
    """Configure structlog to write to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            escape_controls,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def keep_no_core() -> None:
    """Disable core files: a crash must not leave secrets on disk."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
