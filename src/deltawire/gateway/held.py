"""Effects of a connection's session that must wait, for the disk or for the next slice."""

from collections import deque
from collections.abc import Iterable

import msgspec

from deltawire.session.effects import Effect, Join, Leave, SendMessage
from deltawire.wire.rpc import Reply

REQUEST_BYTES = 800
"""Approximate size of a request without its effects."""
EFFECT_BYTES = 200
"""Approximate size of an effect without its result and its channels."""
KEY_BYTES, POSITION_BYTES, ID_BYTES = 300, 200, 100
"""Approximate sizes of a channel's key, of a position with its id, and of an id."""
_encode = msgspec.json.Encoder().encode


class HeldEffects:
    """Effects in their order, request by request. Results are kept encoded, and what all of it takes is counted."""

    __slots__ = ("_sizes", "bytes", "requests")

    def __init__(self) -> None:
        self.requests: deque[deque[Effect]] = deque()
        """The remaining effects of each request; the first may be partly executed."""
        self.bytes = 0
        self._sizes: deque[int] = deque()

    def add(self, effects: Iterable[Effect]) -> None:
        """Add the effects of one more request."""
        before = self.bytes
        self.bytes += REQUEST_BYTES
        self.requests.append(deque(self._counted(effect) for effect in effects))
        self._sizes.append(self.bytes - before)

    def drop_first(self) -> None:
        """Remove the first request, which is complete."""
        self.requests.popleft()
        self.bytes -= self._sizes.popleft()

    def _counted(self, effect: Effect) -> Effect:
        """The effect as it is kept; its size is added."""
        self.bytes += EFFECT_BYTES
        if isinstance(effect, Join):
            self.bytes += KEY_BYTES * len(effect.keys) + POSITION_BYTES * len(effect.resume or ())
            if effect.reply is not None:
                return msgspec.structs.replace(effect, reply=self._counted(effect.reply))
        elif isinstance(effect, Leave):
            self.bytes += ID_BYTES * len(effect.ids)
        elif isinstance(effect, SendMessage):
            self.bytes += len(effect.payload)
        elif isinstance(effect, Reply):
            return self._counted_reply(effect)
        return effect

    def _counted_reply(self, reply: Reply) -> Reply:
        self.bytes += len(_encode((reply.id, reply.more)))
        if reply.error is not None:
            self.bytes += len(str(reply.error)) + len(_encode((reply.error.message, reply.error.data)))
            return reply
        if not isinstance(reply.result, msgspec.Raw):
            reply = msgspec.structs.replace(reply, result=msgspec.Raw(_encode(reply.result)))
        self.bytes += len(reply.result)
        return reply
