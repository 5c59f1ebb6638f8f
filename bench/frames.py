"""The frames that are measured: book messages of recordings, with the image each one starts from.

Recordings of real venues are used where they are (DELTAWIRE_RECORDINGS, else beside the checkout).
"""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deltawire.sources.recordings import Recording

RECORDINGS = Path(
    os.environ.get("DELTAWIRE_RECORDINGS", Path(__file__).resolve().parents[2] / "shared" / "recordings")
)


@dataclass(frozen=True)
class Frames:
    """Book frames of one recording: `frames` as (seconds, bytes); `image` is the REST body where there is one.

    `before` is what came before them: fetched bodies by address, and subscription answers ("subscribed").
    """

    name: str
    venue: str
    frames: list[tuple[float, bytes]]
    image: bytes | None
    before: list[tuple[str, bytes]]
    levels: float

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class _Choice:
    name: str
    venue: str
    file: str
    mark: bytes


CHOICES = [
    _Choice("Binance USD-M depth@0ms", "binance_usdm", "binance_usdm/btcusdt_20240808.gz", b'"depthUpdate"'),
    _Choice("Binance spot depth@100ms", "binance_spot", "binance_spot/btcusdt_20240808.gz", b'"depthUpdate"'),
    _Choice("OKX books (CRC32)", "okx", "okx/OKX.ws.1.0", b'"channel":"books","instId"'),
    _Choice(
        "Kraken v2 book (CRC32)", "kraken", "kraken/kraken_btcusd_sample.cbcap", b'"channel":"book","type"'
    ),
    _Choice("Deribit book raw", "deribit", "deribit/DERIBIT.ws.1.0", b'"channel":"book.'),
]


def load() -> list[Frames]:
    """Every recording that is there."""
    return [_load(choice) for choice in CHOICES if (RECORDINGS / choice.file).is_file()]


def _load(choice: _Choice) -> Frames:
    image, frames, before = None, [], []
    for record in Recording(RECORDINGS / choice.file).records():
        if record.kind == "fetched":
            before.append((record.url, record.payload))
        elif record.payload.startswith(b'{"lastUpdateId"'):
            image = record.payload
        elif record.payload.startswith(b'{"method":"subscribe"'):
            before.append(("subscribed", record.payload))
        elif choice.mark in record.payload and b'"event"' not in record.payload:
            frames.append((record.at_ns / 1e9, record.payload))
    if image is not None:
        frames = [frame for frame in frames if _last_id(frame[1]) >= _image_id(image)]
    levels = sum(_levels(payload) for _, payload in frames) / len(frames)
    return Frames(choice.name, choice.venue, frames, image, before, levels)


def _last_id(payload: bytes) -> int:
    return int(msgspec.json.decode(payload)["data"]["u"])


def _image_id(payload: bytes) -> int:
    return int(msgspec.json.decode(payload)["lastUpdateId"])


def _levels(payload: bytes) -> int:
    message = msgspec.json.decode(payload)
    data = message.get("data", message.get("params", {}).get("data"))
    data = data[0] if isinstance(data, list) else data
    return sum(len(data[side]) for side in ("b", "a", "bids", "asks") if side in data)
