"""Soak: the memory of a live source over ten million messages.

    python -m bench.soak [MESSAGES]

A recording of Kraken is sent again and again; after each tenth the receiver's memory is read. It must not grow from the
second tenth to the last one by more than 5 % and 4 MiB.
"""

import sys

import msgspec

from bench.receive import OURS, check, line, memory_kib, receivers, say, settle, started
from bench.receive_sets import find

PARTS = 10


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
                say(sender, f"go {loops}")
                sent += int(line(sender).split()[1])
                settle(receiver.pid)
                sizes.append(memory_kib(receiver.pid))
                print(f"{sent:12,} messages  {sizes[-1] / 1024:6.1f} MiB", flush=True)
            say(receiver, "report")
            check(asked, msgspec.json.decode(line(receiver)), sent)
    grown = sizes[-1] - sizes[1]
    print(f"from the second part to the last: {grown / 1024:+.1f} MiB")
    if grown > sizes[1] * 0.05 + 4096:
        sys.exit("soak: the memory grows")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
