"""socketify's wheel wants the system's libuv; where there is none, the copy inside uvloop will do."""

import ctypes
from importlib.util import find_spec

from bench.programs import compile_library

SONAME = "libuv.so.1"


def provide() -> None:
    """Make libuv's functions known to whatever is loaded from now on."""
    try:
        ctypes.CDLL(SONAME)
    except OSError:
        uvloop = find_spec("uvloop.loop")
        assert uvloop is not None
        assert uvloop.origin is not None
        ctypes.CDLL(uvloop.origin, ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(compile_library("libuv", SONAME)), ctypes.RTLD_GLOBAL)
