"""Checksums over the best levels, as venues define them."""

from typing import Protocol
from zlib import crc32

from deltawire.book.columns import TextRows
from deltawire.book.ladder import Ladder, Side

KRAKEN_LEVELS = 10
OKX_LEVELS = 25
TEXTS_KEPT = 4096
"""Texts of removed levels go when more than this are kept; OKX sends at most 800 levels."""


class Checksum(Protocol):
    """One book's checksum rule."""

    def reset(self) -> None:
        """A new image is about to be read."""

    def __call__(self, ladder: Ladder, /) -> int:
        """The checksum of the book, as an unsigned 32-bit integer."""


class KrakenChecksum:
    """Kraken v2: CRC32 of the best ten asks, then the best ten bids.

    Each level contributes its price and size as printed at the pair's precision, without point and leading
    zeros, which is the text of its ticks and lots. Source: docs.kraken.com, spot WebSocket v2, book checksum.
    """

    def reset(self) -> None:
        """Nothing is remembered."""

    def __call__(self, ladder: Ladder) -> int:
        """CRC32, unsigned."""
        text = _digits(ladder.asks) + _digits(ladder.bids)
        return crc32(text.encode())


def _digits(side: Side) -> str:
    levels = side.levels(KRAKEN_LEVELS)
    return "".join([f"{price}{size}" for price, size in zip(levels.prices, levels.sizes, strict=True)])


class OkxChecksum:
    """OKX v5: CRC32 of the best 25 bids and asks, interleaved as `price:size`, joined by colons.

    The texts are the venue's own, so the reader that saw them keeps them. When one side is shorter the other
    goes on alone. Source: OKX API v5 guide, order book checksum (sent as a signed int32; always 0 since June
    2026, which means absent).
    """

    def __init__(self, reader: TextRows) -> None:
        self._texts = reader.level_texts

    def reset(self) -> None:
        """Forget the texts of the book before."""
        self._texts.clear()

    def __call__(self, ladder: Ladder) -> int:
        """CRC32, unsigned (compare with the venue's value modulo 2^32)."""
        bids, asks = ladder.bids.top(OKX_LEVELS), ladder.asks.top(OKX_LEVELS)
        shared = min(len(bids), len(asks))
        order = [price for pair in zip(bids, asks, strict=False) for price in pair]
        order += bids[shared:] + asks[shared:]
        if len(self._texts) > TEXTS_KEPT:
            self._prune(ladder)
        return crc32(":".join([self._texts[price] for price in order]).encode())

    def _prune(self, ladder: Ladder) -> None:
        for price in list(self._texts):
            if not (ladder.bids.size(price) or ladder.asks.size(price)):
                del self._texts[price]
