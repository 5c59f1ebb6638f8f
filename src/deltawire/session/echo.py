"""A conversation that says every message back; conformance suites talk to it."""

from deltawire.access.tokens import Identity
from deltawire.errors import RequestError
from deltawire.session.effects import Effect, SendMessage


class EchoSession:
    """See `Session`."""

    takes_binary = True

    def received(self, frame: bytes, now: int) -> list[Effect]:
        """A text message has come."""
        return [SendMessage(frame)]

    def received_binary(self, frame: bytes, now: int) -> list[Effect]:
        """A binary message has come."""
        return [SendMessage(frame, binary=True)]

    def deadline(self) -> int | None:
        """Nothing is ever due."""
        return None

    def tick(self, now: int) -> list[Effect]:
        """Nothing is ever due."""
        return []

    def withheld(self, identity: Identity, now: int) -> RequestError | None:
        """Nobody signs in here."""
        return None

    def rights_changed(self, now: int) -> list[Effect]:
        """It is for everyone."""
        return []

    def closed(self) -> None:
        """Nothing is left behind."""
