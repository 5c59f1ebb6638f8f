"""The command line. Errors are one line, with exit code 2."""

from deltawire.cli.main import main

__all__ = ["main"]
