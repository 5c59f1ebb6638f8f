"""A session that echoes every message, for conformance test suites."""

from deltawire.access.tokens import Identity
from deltawire.errors import RequestError
from deltawire.session.effects import Effect, SendMessage


class EchoSession:
    """Echoes every message; has the interface of `Session`."""

    takes_binary = True

    def received(self, frame: bytes, now: int) -> list[Effect]:
        """Echo a text message."""
        return [SendMessage(frame)]

    def received_binary(self, frame: bytes, now: int) -> list[Effect]:
        """Echo a binary message."""
        return [SendMessage(frame, binary=True)]

    def deadline(self) -> int | None:
        """No effects: there are no deadlines."""
        return None

    def tick(self, now: int) -> list[Effect]:
        """No effects: there are no deadlines."""
        return []

    def withheld(self, identity: Identity, now: int) -> RequestError | None:
        """Empty: there is no authentication."""
        return None

    def rights_changed(self, now: int) -> list[Effect]:
        """No effects: there is no authentication."""
        return []

    def closed(self) -> None:
        """Nothing to release."""
