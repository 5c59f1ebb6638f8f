"""What a connection's session wants done, and has to wait: for the disk, or for its next turn."""

from collections.abc import Iterable

import msgspec

from deltawire.session.effects import Effect
from deltawire.wire.rpc import Reply

EFFECT_BYTES = 200
"""About what an effect costs beside its result."""
_encode = msgspec.json.Encoder().encode


class HeldEffects:
    """Effects in their order. Results are kept as the bytes they will be, so that what is held can be counted."""

    __slots__ = ("bytes", "effects")

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.bytes = 0

    def add(self, effects: Iterable[Effect], now_us: int) -> None:
        """More to do behind what is held."""
        for effect in effects:
            self.bytes += EFFECT_BYTES
            if isinstance(effect, Reply) and effect.error is None:
                if not isinstance(effect.result, msgspec.Raw):
                    effect = msgspec.structs.replace(effect, result=msgspec.Raw(_encode(effect.result)))
                self.bytes += len(effect.result)
            self.effects.append(effect)
