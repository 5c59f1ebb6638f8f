"""A peer's requests are handled in turns: whatever one peer sends at once, the others wait for no more than a turn."""

import asyncio
from collections.abc import Callable
from typing import cast

from deltawire.gateway.intake import TURN_NS, Intake, Step, Turns
from tests.support.waiting import until

COST_NS = 1_000_000


class PausableTransport:
    """Says whether the peer is read from."""

    def __init__(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class CostlyPeer:
    """A peer whose requests cost a millisecond each on a clock that only they advance."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.requests = 0
        self.handled = 0
        self.transport = PausableTransport()
        self.outcome: Callable[[], Step] = lambda: Step.MORE if self.requests else Step.DONE
        self.intake = Intake(
            cast(asyncio.Transport, self.transport), lambda: self.now_ns, self._step, turns=Turns()
        )

    def _step(self) -> Step:
        if self.requests:
            self.requests -= 1
            self.handled += 1
            self.now_ns += COST_NS
        return self.outcome()

    def receive(self, requests: int, after_ns: int = 20_000) -> None:
        """What one call of `data_received` brings."""
        self.now_ns += after_ns
        self.requests += requests
        self.intake.run()


async def test_one_packet_takes_at_most_a_turn() -> None:
    peer = CostlyPeer()
    peer.receive(100)
    assert peer.handled == TURN_NS // COST_NS
    assert not peer.transport.reading
    await asyncio.sleep(0)
    assert peer.handled == 2 * TURN_NS // COST_NS


async def test_packets_read_at_once_share_one_turn() -> None:
    peer = CostlyPeer()
    for _ in range(32):
        if peer.transport.reading:
            peer.receive(3)
    assert peer.handled <= TURN_NS // COST_NS + 1
    assert not peer.transport.reading


async def test_a_used_up_turn_without_anything_left_is_read_on_in_the_next() -> None:
    peer = CostlyPeer()
    peer.receive(TURN_NS // COST_NS)
    assert not peer.requests
    assert not peer.transport.reading
    await asyncio.sleep(0)
    assert peer.transport.reading
    peer.receive(2)
    assert peer.transport.reading


async def test_packets_of_later_turns_have_turns_of_their_own() -> None:
    peer = CostlyPeer()
    for _ in range(10):
        peer.receive(3)
        assert peer.transport.reading
        await asyncio.sleep(0)
    assert peer.handled == 30


async def test_packets_that_take_long_to_decrypt_share_one_turn_too() -> None:
    peer = CostlyPeer()
    for _ in range(32):
        if peer.transport.reading:
            peer.receive(1, after_ns=COST_NS)
    assert peer.handled <= TURN_NS // COST_NS // 2 + 1
    assert peer.now_ns <= TURN_NS + 2 * COST_NS
    await asyncio.sleep(0)
    assert peer.transport.reading


async def test_who_waits_for_the_disk_is_read_on_when_it_may_go_on() -> None:
    peer = CostlyPeer()
    peer.outcome = lambda: Step.BLOCKED
    peer.receive(1)
    assert peer.intake.blocked
    assert not peer.transport.reading
    peer.outcome = lambda: Step.DONE
    await until(lambda: not peer.intake.blocked)
    assert peer.transport.reading
    peer.intake.stop()
