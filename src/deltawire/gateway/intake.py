"""What a peer has sent is handled in turns: no peer, whatever it asks for at once, holds up the others for long."""

import asyncio
from collections.abc import Callable
from enum import Enum

TURN_NS = 5_000_000
"""After so long the others have their turn; a step that has begun is finished."""
SAME_TURN_NS = 200_000
"""What comes within this time of the last step's end was read by the same turn of the loop, and shares its time: uvloop
reads up to 32 times from one connection before it looks at another."""
BLOCKED_S = 0.005
"""How soon a peer that has to wait is looked at again."""


class Step(Enum):
    """What a step of work leaves behind."""

    DONE = "done"
    """Nothing: wait for what the peer sends next."""
    MORE = "more"
    BLOCKED = "blocked"
    """Something that has to wait until what came before has left."""


class Intake:
    """Takes steps while there is something to do; reads nothing from the peer meanwhile."""

    __slots__ = ("_ended_ns", "_left_ns", "_now", "_reading", "_step", "_timer", "_transport", "blocked")

    def __init__(
        self, transport: asyncio.Transport, now: Callable[[], int], step: Callable[[], Step]
    ) -> None:
        self.blocked = False
        """Whether the peer waits for something, and is not read from."""
        self._transport = transport
        self._now = now
        self._step = step
        self._timer: asyncio.Handle | None = None
        self._reading = True
        self._left_ns = TURN_NS
        self._ended_ns = 0

    def run(self) -> None:
        """Something has come, or may go on: take steps, at most for a turn."""
        if self._timer is not None:
            return
        self.blocked = False
        started_ns = self._now()
        if started_ns - self._ended_ns > SAME_TURN_NS:
            self._left_ns = TURN_NS
        until_ns = started_ns + self._left_ns
        while (outcome := self._step()) is Step.MORE:
            if self._now() >= until_ns:
                break
        self._ended_ns = self._now()
        self._left_ns = until_ns - self._ended_ns
        self.blocked = outcome is Step.BLOCKED
        if outcome is Step.DONE and self._left_ns > 0:
            self._read(enabled=True)
        else:
            self._wait()

    def stop(self) -> None:
        """The connection is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._step = _nothing

    def _wait(self) -> None:
        self._read(enabled=False)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(BLOCKED_S, self._again) if self.blocked else loop.call_soon(self._again)

    def _again(self) -> None:
        self._timer = None
        self._left_ns = TURN_NS
        self._ended_ns = self._now()
        self.run()

    def _read(self, *, enabled: bool) -> None:
        if enabled is self._reading or self._transport.is_closing():
            return
        self._reading = enabled
        if enabled:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


def _nothing() -> Step:
    return Step.DONE
