"""The image of a market as bytes, compressed, with a checksum."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

import zstandard

from deltawire.bus.codec import Codec
from deltawire.errors import BusError
from deltawire.market.images import MarketImage
from deltawire.market.market import Market

LEVEL = 1
LARGEST = 1024 * 1024 * 1024
"""Bytes of an image before compression; a larger one is refused."""
CRC_BYTES = 4
_MARKET: Codec[MarketImage] = Codec(MarketImage)


def encode_market(image: MarketImage) -> bytes:
    """The image as bytes."""
    with _uncollected():
        data = _MARKET.encode(image)
    return crc32(data).to_bytes(CRC_BYTES) + zstandard.ZstdCompressor(LEVEL).compress(data)


def decode_market(data: bytes) -> MarketImage:
    """The image again; `BusError` if the bytes are none, or damaged."""
    try:
        raw = zstandard.ZstdDecompressor().decompress(data[CRC_BYTES:], max_output_size=LARGEST)
    except zstandard.ZstdError as error:
        raise BusError("garbage", f"no image: {error}") from error
    if crc32(raw) != int.from_bytes(data[:CRC_BYTES]):
        raise BusError("garbage", "a damaged image")
    return _MARKET.decode(raw)


def restored(data: bytes) -> Market:
    """The market of an image; `BusError` as from `decode_market`."""
    with _uncollected():
        image = decode_market(data)
        market = Market(image.home)
        market.thaw(image)
        return market


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would look at all new objects again and again, and find nothing.

    Afterwards they are of its oldest generation: the next collection, of new objects only, does not look at them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()
