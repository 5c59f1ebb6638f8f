"""Records numbered frames at a rate until it is killed; prints how many of each connection are on disk.

python -m tests.support.recording_process DIR FRAMES_PER_SECOND
"""

import sys
import time
from pathlib import Path

from deltawire.recording.recorder import Recorder
from deltawire.recording.stream import Limits

CONNECTIONS = "okx/1", "okx/2", "deribit/1"
TURN_S = 0.005
LIMITS = Limits(frame_bytes=64 * 1024, sync_s=0.1, rotate_bytes=300_000)


def frame(number: int) -> bytes:
    """The frame of this number on its connection; about 300 bytes, no two alike."""
    levels = ",".join(f'["{(number * 7919 + n * 104729) % 10_000_019}","{n}"]' for n in range(16))
    return b'{"n":%d,"bids":[%b]}' % (number, levels.encode())


def feed(recorder: Recorder, connection: str, number: int) -> None:
    """Let a frame pass."""
    recorder.passed(connection, time.time_ns(), "received", frame(number))


def main(directory: str, rate: int) -> None:
    """Feed until the process is killed."""

    def on_durable(connection: str, frames: int) -> None:
        sys.stdout.write(f"{connection} {frames}\n")
        sys.stdout.flush()

    recorder = Recorder(Path(directory), LIMITS, on_durable=on_durable)
    for connection in CONNECTIONS:
        recorder.noted(connection, time.time_ns(), "connected", url="wss://somewhere")
    began, fed = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * rate)
        for number in range(fed, due):
            feed(recorder, CONNECTIONS[number % 3], number // 3)
        fed = max(fed, due)
        time.sleep(TURN_S)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
