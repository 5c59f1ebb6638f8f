"""What a C program needs that only scans the same bytes, and what each stage of the kernel needs of our time."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench.frames import Frames
from bench.programs import compile_cpp, compile_program

ROUNDS = 20
STAGES = ("read levels", "apply", "checksum", "write JSON")
_FORMS = {
    "binance_usdm": (0, 2, 3, 0),
    "binance_spot": (0, 2, 8, 0),
    "okx": (1, 6, 8, 2),
    "kraken": (2, 1, 8, 1),
    "deribit": (3, 4, 1, 0),
}
"""Form, price and size places, and checksum of each set, in the kernel's numbers."""


def scan_us(frames: Frames) -> float:
    """Microseconds per message of a C program that reads each byte once."""
    program = compile_program("scan")
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(payload + b"\n" for _, payload in frames.frames))
        file.flush()
        return _run(program, file.name, str(ROUNDS))[0] / 1e3


def stages_us(frames: Frames) -> dict[str, float]:
    """Microseconds per message of each stage, in C++ alone and over and over, so in warm caches."""
    program = compile_cpp("stages")
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(_messages(frames)))
        file.flush()
        found = _run(program, file.name, *map(str, _FORMS[frames.venue]), str(ROUNDS))
    return {name: ns / 1e3 for name, ns in zip(STAGES, found, strict=False)}


def _run(program: Path, *arguments: str) -> list[float]:
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def _messages(frames: Frames) -> list[bytes]:
    books: dict[Any, int] = {}
    found: list[bytes] = []
    payloads = [payload for _, payload in frames.frames]
    for payload in [frames.image, *payloads] if frames.image is not None else payloads:
        message = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
        inner = message.get("data") or message.get("params") or msgspec.Raw(payload)
        if bytes(inner).startswith(b"["):
            inner = msgspec.json.decode(inner, type=list[msgspec.Raw])[0]
        data = msgspec.json.decode(inner, type=dict[str, msgspec.Raw])
        if "data" in data:
            data = msgspec.json.decode(data["data"], type=dict[str, msgspec.Raw])
        named = data.get("instrument_name") or message.get("arg") or b""
        book = books.setdefault(bytes(named), len(books)) if not frames.venue.startswith("binance") else 0
        image = b'"snapshot"' in payload or payload is frames.image
        bids, asks = data.get("b", data.get("bids", b"[]")), data.get("a", data.get("asks", b"[]"))
        found.append(b"%d\n%d\n%b\n%b\n" % (book, image, bytes(bids), bytes(asks)))
    return found
