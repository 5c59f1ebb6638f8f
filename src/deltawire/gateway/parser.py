"""websockets' sans-I/O parser, with the one thing in which it is stricter than RFC 6455 put right."""

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol


class Parser(ServerProtocol):
    """Takes a close frame wherever it comes.

    Control frames may come between the fragments of a message (RFC 6455, 5.4), and after a close frame nothing
    counts; websockets calls a close there an incomplete message (Autobahn 7.1.5).
    """

    def recv_frame(self, frame: Frame) -> None:
        """A whole frame has come."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)
