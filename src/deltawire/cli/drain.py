"""`deltawire drain`."""

import socket
from typing import Annotated

import msgspec
import typer

from deltawire.errors import UsageError
from deltawire.roles.draining import LONGEST_S, DrainAnswer, DrainRequest, find_socket


def drain(
    grace: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, max=LONGEST_S, help="Over which to spread the closes.")
    ] = 60.0,
    port: Annotated[
        int | None, typer.Option(help="The port of the server, if several run with this DELTAWIRE_HOME.")
    ] = None,
) -> None:
    """Stop a running server so that its clients do not reconnect all at once.

    It accepts no new connections, closes the open ones evenly over the grace with code 1001, and stops. Until a client
    is closed, it gets all data. The command ends when the server has stopped. It must run as the user of the server,
    with the same `DELTAWIRE_HOME`.

    Example: `deltawire drain --grace 60`
    """
    path = find_socket(port)
    with socket.socket(socket.AF_UNIX) as link:
        try:
            link.connect(str(path))
        except OSError as error:
            raise UsageError(f"no server answers at {path}: {error.strerror}; has it been killed?") from error
        link.sendall(msgspec.json.encode(DrainRequest(grace)) + b"\n")
        with link.makefile("rb") as lines:
            answer = msgspec.json.decode(lines.readline(), type=DrainAnswer)
            if answer.error:
                raise UsageError(f"the server refuses: {answer.error}")
            print(f"{answer.connections} connections are closed over {grace:g} s", flush=True)
            lines.read()
    print("the server has stopped")
