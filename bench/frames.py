"""The frames that are measured: book messages of recordings, with the image each one starts from.

Recordings of real venues are used where they are (DELTAWIRE_RECORDINGS, else beside the checkout).
"""

import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import process_time

import msgspec

from deltawire.recording import Recording

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

    @property
    def images(self) -> int:
        """How many of the frames open a book."""
        return sum(map(is_image, self.frames))


Frame = tuple[float, bytes]


def is_image(frame: Frame) -> bool:
    """Whether a frame opens a book; of the venues that are measured, each says so with the same word."""
    return b'"snapshot"' in frame[1]


def stretches(frames: list[Frame]) -> list[tuple[bool, list[Frame]]]:
    """The frames in order, as stretches of images (True) and of changes."""
    return [(image, list(stretch)) for image, stretch in groupby(frames, is_image)]


class Spent:
    """Seconds of processor time that a contestant took for images and for changes.

    The clock is read once per stretch, so that it costs next to nothing of what it measures.
    """

    def __init__(self) -> None:
        self.images = self.changes = 0.0

    def start(self) -> None:
        """A stretch begins."""
        self._started = process_time()

    def stop(self, *, images: bool) -> None:
        """A stretch is over."""
        spent = process_time() - self._started
        if images:
            self.images += spent
        else:
            self.changes += spent


@dataclass(frozen=True)
class Choice:
    name: str
    venue: str
    file: str
    mark: bytes


CHOICES = [
    Choice("Binance USD-M depth@0ms", "binance_usdm", "binance_usdm/btcusdt_20240808.gz", b'"depthUpdate"'),
    Choice("Binance spot depth@100ms", "binance_spot", "binance_spot/btcusdt_20240808.gz", b'"depthUpdate"'),
    Choice("OKX books (CRC32)", "okx", "okx/OKX.ws.1.0", b'"channel":"books","instId"'),
    Choice(
        "Kraken v2 book (CRC32)", "kraken", "kraken/kraken_btcusd_sample.cbcap", b'"channel":"book","type"'
    ),
    Choice(
        "Kraken v2 book, with resubscriptions",
        "kraken",
        "kraken/kraken_btcusd_l2.cbcap",
        b'"channel":"book","type"',
    ),
    Choice("Deribit book raw", "deribit", "deribit/DERIBIT.ws.1.0", b'"channel":"book.'),
]


def load() -> list[Frames]:
    """Every recording that is there."""
    return [load_choice(choice) for choice in CHOICES if (RECORDINGS / choice.file).is_file()]


def load_choice(choice: Choice) -> Frames:
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
