"""Fan-out: what one core of a server delivers, one message per tick and sixteen, as a ratio to C."""

import json
import os
import sys

from bench.fanout_contest import Contest
from bench.fanout_pair import LOAD_CORE, Contestant, allow_files, python_server
from bench.fanout_report import bar, disturbance, heading, table
from bench.programs import compile_program
from bench.servers.certificates import TLS
from bench.servers.message import CHANNEL, FRAME, PAYLOAD

LIMIT, OURS, UWS = "C, epoll", "deltawire", "socketify (uWebSockets)"
OURS_TLS, PEER_TLS = "deltawire, wss", "websockets, wss"
SUBSCRIBERS = (10, 100, 1000)
MESSAGES = (1, 16)
ROUNDS, QUICK_ROUNDS = 20, 3
WINDOW_S = 0.12
BARS = (
    (1, OURS, LIMIT, 0.90),
    (16, OURS, LIMIT, 0.85),
    (16, OURS, UWS, 0.95),
    (1, OURS_TLS, OURS, 0.67),
    (1, OURS_TLS, PEER_TLS, 1.0),
    (16, OURS_TLS, PEER_TLS, 1.0),
)
"""At the most subscribers: messages per tick, who, compared with whom, and the least ratio that will do."""


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    most = max(SUBSCRIBERS)
    if allow_files() < most + 100:
        sys.exit(f"bench: needs {most + 100} open files per process: raise `ulimit -Hn`")
    everyone, receiver = contestants(), compile_program("receiver")
    print("\n".join(heading(len(FRAME), rounds)), flush=True)
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {LOAD_CORE})
    results = {
        subscribers: Contest(everyone, receiver, subscribers).run(MESSAGES, rounds, WINDOW_S)
        for subscribers in SUBSCRIBERS
    }
    os.sched_setaffinity(0, usable)
    for messages in MESSAGES:
        print("\n".join(["", *table(results, messages, LIMIT)]))
    print(f"\n  At {most:,} subscribers")
    for messages, name, other, least in BARS:
        print(bar(results[most], messages, name, other, least))
    print(disturbance(results))


def contestants() -> list[Contestant]:
    """The limit first, then deltawire, then its peers."""
    ask = {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": [CHANNEL]}}
    return [
        Contestant(LIMIT, (str(compile_program("sender")),), (PAYLOAD.decode(),)),
        Contestant(OURS, python_server("gateway"), path="/ws/api/v2", subscribe=json.dumps(ask)),
        Contestant(UWS, python_server("socketify")),
        Contestant("picows", python_server("picows")),
        Contestant("picows, joined by hand", python_server("picows"), ("joined",)),
        Contestant("websockets.broadcast", python_server("websockets")),
        Contestant("FastAPI on uvicorn", python_server("fastapi")),
        Contestant(OURS_TLS, python_server("gateway"), (TLS,), "/ws/api/v2", json.dumps(ask), tls=True),
        Contestant(PEER_TLS, python_server("websockets"), (TLS,), tls=True),
    ]
