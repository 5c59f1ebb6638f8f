"""Handles the input of a peer in time slices, so that no peer delays the others for long."""

import asyncio
from collections.abc import Callable
from enum import Enum

TURN_NS = 5_000_000
"""Duration of a slice; a step that has begun is finished."""
SAME_TURN_NS = 200_000
"""Input that arrives this soon after the last step belongs to the same turn of the event loop.

It shares the slice of that step: uvloop reads up to 32 times from one connection before it serves another.
"""
BLOCKED_S = 0.005
"""Interval at which a blocked peer is checked again."""


class Step(Enum):
    """The result of a step of work."""

    DONE = "done"
    """Nothing to do: wait for more input."""
    MORE = "more"
    BLOCKED = "blocked"
    """Something must wait until earlier output has been sent."""


class Intake:
    """Executes steps while there is something to do; meanwhile nothing is read from the peer."""

    __slots__ = ("_ended_ns", "_left_ns", "_now", "_reading", "_step", "_timer", "_transport", "blocked")

    def __init__(
        self, transport: asyncio.Transport, now: Callable[[], int], step: Callable[[], Step]
    ) -> None:
        self.blocked = False
        """Whether the peer waits for something, so that nothing is read from it."""
        self._transport = transport
        self._now = now
        self._step = step
        self._timer: asyncio.Handle | None = None
        self._reading = True
        self._left_ns = TURN_NS
        self._ended_ns = 0

    def run(self) -> None:
        """Input has arrived or may continue: execute steps for at most one slice."""
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
        """The connection has ended."""
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
