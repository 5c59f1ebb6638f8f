"""A server's side of TLS, for those contestants that are told to speak it."""

import ssl
import sys
import tempfile
from pathlib import Path

from deltawire.store.certificates import load_tls, self_signed

TLS = "tls"
"""The argument behind the port that asks for it."""


def asked_tls() -> ssl.SSLContext | None:
    """With a certificate made for this run, if the command line asks for TLS."""
    if TLS not in sys.argv[2:]:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return load_tls(self_signed(Path(folder), "localhost"), None)
