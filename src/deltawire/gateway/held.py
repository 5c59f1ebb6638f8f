"""Effects of a connection's session that must wait, for the disk or for the next slice."""

from collections import deque
from collections.abc import Iterable

import msgspec

from deltawire.session.effects import Effect, Join
from deltawire.wire.rpc import Reply

EFFECT_BYTES = 200
"""Approximate size of an effect without its result."""
_encode = msgspec.json.Encoder().encode


class HeldEffects:
    """Effects in their order, request by request. Results are kept encoded, and their bytes are counted."""

    __slots__ = ("_sizes", "bytes", "requests")

    def __init__(self) -> None:
        self.requests: deque[deque[Effect]] = deque()
        """The remaining effects of each request; the first may be partly executed."""
        self.bytes = 0
        self._sizes: deque[int] = deque()

    def add(self, effects: Iterable[Effect]) -> None:
        """Add the effects of one more request."""
        before = self.bytes
        self.requests.append(deque(self._counted(effect) for effect in effects))
        self._sizes.append(self.bytes - before)

    def drop_first(self) -> None:
        """Remove the first request, which is complete."""
        self.requests.popleft()
        self.bytes -= self._sizes.popleft()

    def _counted(self, effect: Effect) -> Effect:
        self.bytes += EFFECT_BYTES
        if isinstance(effect, Join) and effect.reply is not None:
            return msgspec.structs.replace(effect, reply=self._counted(effect.reply))
        if not isinstance(effect, Reply) or effect.error is not None:
            return effect
        if not isinstance(effect.result, msgspec.Raw):
            effect = msgspec.structs.replace(effect, result=msgspec.Raw(_encode(effect.result)))
        self.bytes += len(effect.result)
        return effect
