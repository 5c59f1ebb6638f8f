"""What a connection's session wants done, and has to wait: for the disk, or for its next turn."""

from collections import deque
from collections.abc import Iterable

import msgspec

from deltawire.session.effects import Effect, Join
from deltawire.wire.rpc import Reply

EFFECT_BYTES = 200
"""About what an effect costs beside its result."""
_encode = msgspec.json.Encoder().encode


class HeldEffects:
    """Effects in their order, request by request. Results are kept as the bytes they will be, and counted."""

    __slots__ = ("_sizes", "bytes", "requests")

    def __init__(self) -> None:
        self.requests: deque[deque[Effect]] = deque()
        """What each request still leads to; the first may have begun."""
        self.bytes = 0
        self._sizes: deque[int] = deque()

    def add(self, effects: Iterable[Effect]) -> None:
        """What one more request leads to, behind what is held."""
        before = self.bytes
        self.requests.append(deque(self._counted(effect) for effect in effects))
        self._sizes.append(self.bytes - before)

    def drop_first(self) -> None:
        """The first request is done."""
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
