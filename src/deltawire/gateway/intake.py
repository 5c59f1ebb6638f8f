"""Handles the input of a peer in time slices, so that no peer delays the others for long."""

import asyncio
from collections.abc import Callable
from enum import Enum

TURN_NS = 5_000_000
"""Duration of a slice; a step that has begun is finished."""
BLOCKED_S = 0.005
"""Interval at which a blocked peer is checked again."""


class Step(Enum):
    """The result of a step of work."""

    DONE = "done"
    """Nothing to do: wait for more input."""
    MORE = "more"
    BLOCKED = "blocked"
    """Something must wait until earlier output has been sent."""


class Turns:
    """Numbers the turns of the event loop in which input arrives; shared by all connections of a loop."""

    __slots__ = ("_begun", "_number")

    def __init__(self) -> None:
        self._number = 0
        self._begun = False

    def number(self) -> int:
        """The number of this turn: the same for all input that the loop reads before it does anything else.

        Where no loop runs, every call is a turn of its own.
        """
        if not self._begun:
            try:
                asyncio.get_running_loop().call_soon(self._end)
            except RuntimeError:
                self._number += 1
            else:
                self._begun = True
        return self._number

    def _end(self) -> None:
        self._number += 1
        self._begun = False


class Intake:
    """Executes steps while there is something to do; meanwhile nothing is read from the peer.

    Input that arrives in one turn of the event loop shares a slice, and what it takes to decrypt it counts as well:
    uvloop reads up to 32 times from one connection before it serves another.
    """

    __slots__ = (
        "_now",
        "_reading",
        "_step",
        "_timer",
        "_transport",
        "_turn",
        "_turns",
        "_until_ns",
        "blocked",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        now: Callable[[], int],
        step: Callable[[], Step],
        *,
        turns: Turns,
    ) -> None:
        self.blocked = False
        """Whether the peer waits for something, so that nothing is read from it."""
        self._transport = transport
        self._now = now
        self._step = step
        self._timer: asyncio.Handle | None = None
        self._reading = True
        self._turns = turns
        self._turn = -1
        self._until_ns = 0

    def run(self) -> None:
        """Input has arrived or may continue: execute steps for at most one slice."""
        if self._timer is not None:
            return
        turn = self._turns.number()
        if turn != self._turn:
            self._turn, self._until_ns = turn, self._now() + TURN_NS
        self._execute()

    def _execute(self) -> None:
        self.blocked = False
        while (outcome := self._step()) is Step.MORE:
            if self._now() >= self._until_ns:
                break
        self.blocked = outcome is Step.BLOCKED
        if outcome is Step.DONE and self._now() < self._until_ns:
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
        self._turn, self._until_ns = self._turns.number(), self._now() + TURN_NS
        self._execute()

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
