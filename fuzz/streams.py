"""Whole connections: frames of simulated venues, damaged as the bytes say, give the same outputs on both kernels."""

from random import Random

import atheris

with atheris.instrument_imports(include=["deltawire.book", "deltawire.venues"]):
    from deltawire.testing.kernels import pure_kernel
    from deltawire.venues import make_venue

from tests.support.traffic import AMISS, UNKNOWN, emptied, in_powers, play, rearranged
from tests.venues.sessions import CASES, make_simulator
from tests.venues.test_kernels import traffic

from fuzz.harness import run

STREAMS = {case: traffic(case, 1, 40) for case in CASES}


def target(data: bytes) -> None:
    """The case, then edits: which call, what to do to its frame, where, and with which byte.

    An edit empties a side, writes numbers with exponents, shuffles members and adds some, doubles the frame, or
    changes a byte. Each call is played to the compiled kernel and to its twin, which has the parser alone.
    """
    if not data:
        return
    case = CASES[data[0] % len(CASES)]
    calls = list(STREAMS[case])
    for at in range(1, len(data) - 4, 5):
        place, kind, high, low, byte = data[at : at + 5]
        number = place * len(calls) // 256
        name, arguments = calls[number]
        if name != "received":
            continue
        frame = bytearray(arguments[0])
        spot = (high << 8 | low) % max(1, len(frame))
        kind %= 9
        if kind == 8:
            frame = bytearray(in_powers(bytes(frame), Random(high << 8 | low)))
        elif kind >= 5:
            more = AMISS if kind == 7 else UNKNOWN
            frame = bytearray(rearranged(bytes(frame), Random(byte << 16 | high << 8 | low), more))
        elif kind == 4:
            frame = bytearray(emptied(bytes(frame), Random(high)))
        elif kind == 0:
            frame[spot : spot + 1] = bytes([byte])
        elif kind == 1:
            del frame[spot]
        elif kind == 2:
            frame.insert(spot, byte)
        else:
            calls.insert(number, calls[number])
        calls[number] = (name, (bytes(frame), *arguments[1:]))
    venue = make_simulator(case).name
    found = play(calls, make_venue(venue))
    with pure_kernel():
        assert play(calls, make_venue(venue)) == found


if __name__ == "__main__":
    run(target, *(bytes([case, 128, 0, 0, 90, 48, 200, 3, 1, 2, 3]) for case in range(len(CASES))))
