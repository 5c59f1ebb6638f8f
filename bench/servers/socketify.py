"""socketify: uWebSockets (C++) behind a Python wrapper, publishing to a topic, its own loop turned once a tick."""

import sys
import time

from bench.servers import libuv
from bench.servers.message import PAYLOAD
from bench.servers.ticking import DRAIN_S, REST_S, SLACK_BYTES, Orders, Slack

libuv.provide()
from socketify import App, CompressOptions, OpCode, WebSocket  # noqa: E402 (it needs libuv to be imported)

TOPIC = "index"
OPENING_REST_S = 0.0005
"""While clients connect; each takes some turns of the loop."""
connections: list[WebSocket] = []


def opened(connection: WebSocket) -> None:
    """Subscribe a connection."""
    connection.subscribe(TOPIC)
    connections.append(connection)


def drained() -> bool:
    """Whether every connection has sent all it was given."""
    return not any(connection.get_buffered_amount() for connection in connections)


def main(port: int) -> None:
    """Serve until the process ends."""
    app = App()
    behavior = {
        "compression": CompressOptions.DISABLED,
        "max_backpressure": 4 * SLACK_BYTES,
        "idle_timeout": 0,
        "open": opened,
    }
    app.ws("/", behavior)
    app.listen({"port": port, "host": "127.0.0.1"}, lambda config: None)
    turn = app.loop.uv_loop.run_nowait
    orders, slack = Orders(), Slack()
    while not orders.messages:
        turn()
        time.sleep(OPENING_REST_S)
    while True:
        messages = orders.messages
        for _ in range(messages):
            app.publish(TOPIC, PAYLOAD, OpCode.TEXT)
        turn()
        if not messages:
            time.sleep(REST_S)
        elif slack.spent(messages):
            while not drained():
                turn()
                time.sleep(DRAIN_S)


if __name__ == "__main__":
    main(int(sys.argv[1]))
