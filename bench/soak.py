"""Soak: the memory of a live source over ten million messages.

    python -m bench.soak [MESSAGES]

A recording of Kraken is sent again and again, and in each tenth the receiver stands still for a second, so that every
buffer and queue becomes as full as it ever may. After each tenth its memory is read. What is allocated must not grow
from the second tenth to the last one by more than 1 % and 1 MiB, and the memory of the process by no more than 5 % and
4 MiB.
"""

import os
import signal
import sys
import time
from typing import NamedTuple

import msgspec

from bench.receive import OURS, check, line, memory_kib, receivers, say, settle, started
from bench.receive_sets import find

PARTS = 10
STILL_S = 1.0


class Memory(NamedTuple):
    """Of the receiver: the process, and what is allocated in it."""

    resident_kib: int
    objects: int
    allocated_kib: int


def main(messages: int) -> None:
    """Send, and read the memory."""
    asked = find("kraken")
    if not asked.there:
        sys.exit("soak: no recording; set DELTAWIRE_RECORDINGS")
    loops = max(1, messages // PARTS // len(asked.frames()))
    with started([sys.executable, "-m", "bench.venue_sender", asked.name]) as sender:
        address = f"ws://127.0.0.1:{line(sender)}"
        with started([part.format(address) for part in receivers(asked)[OURS]]) as receiver:
            assert line(receiver) == "ready"
            sent, sizes = 0, []
            for _ in range(PARTS):
                os.kill(receiver.pid, signal.SIGSTOP)
                say(sender, f"go {loops}")
                time.sleep(STILL_S)
                os.kill(receiver.pid, signal.SIGCONT)
                sent += int(line(sender).split()[1])
                settle(receiver.pid)
                say(receiver, "held")
                held = msgspec.json.decode(line(receiver))
                sizes.append(Memory(memory_kib(receiver.pid), held["objects"], held["bytes"] // 1024))
                print(f"{sent:12,} messages  {_text(sizes[-1])}", flush=True)
            say(receiver, "report")
            check(asked, msgspec.json.decode(line(receiver)), sent)
    early, late = sizes[1], sizes[-1]
    print(f"from the second part to the last: {(late.resident_kib - early.resident_kib) / 1024:+.1f} MiB")
    if late.objects > early.objects * 1.01 or late.allocated_kib > early.allocated_kib * 1.01 + 1024:
        sys.exit("soak: more and more is allocated")
    if late.resident_kib > early.resident_kib * 1.05 + 4096:
        sys.exit("soak: the memory grows")


def _text(size: Memory) -> str:
    objects, allocated = f"{size.objects:,} Python objects", f"{size.allocated_kib / 1024:.1f} MiB of malloc"
    return f"{size.resident_kib / 1024:6.1f} MiB: {objects}, {allocated}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
