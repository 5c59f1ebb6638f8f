"""The image of a market as bytes, compressed, with a checksum."""

from zlib import crc32

import zstandard

from deltawire.bus.codec import Codec
from deltawire.errors import BusError
from deltawire.market.images import MarketImage

LEVEL = 1
LARGEST = 1024 * 1024 * 1024
"""Bytes of an image before compression; a larger one is refused."""
CRC_BYTES = 4
_MARKET: Codec[MarketImage] = Codec(MarketImage)


def encode_market(image: MarketImage) -> bytes:
    """The image as bytes."""
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
