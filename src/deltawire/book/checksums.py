"""Checksums over the best levels, as venues define them."""

from itertools import chain
from typing import ClassVar, Protocol
from zlib import crc32

from deltawire.book.kernel import Side, level_digits
from deltawire.book.ladder import Ladder
from deltawire.model.events import Levels
from deltawire.model.numbers import unit

KRAKEN_LEVELS = 10
OKX_LEVELS = 25


class Checksum(Protocol):
    """The checksum rule of one book."""

    covers: ClassVar[int]
    """The number of levels per side that it covers."""
    printed: ClassVar[bool]
    """Whether it is computed from ticks and lots as printed by the venue; then their exponents must be known."""

    def reset(self) -> None:
        """Start with a new image."""

    def __call__(self, ladder: Ladder, shift: tuple[int, int] = (0, 0), /) -> int | None:
        """The checksum of the book, as an unsigned 32-bit integer.

        `shift` is the number of decimal places that prices and sizes in the ladder have beyond those printed. None if
        the best levels have digits in these places: then they cannot have been printed so.
        """


class KrakenChecksum:
    """Kraken v2: CRC32 of the best ten asks, then the best ten bids.

    Each level contributes its price and size as printed at the pair's precision, without point and leading zeros,
    which is the text of its ticks and lots. Source: docs.kraken.com, spot WebSocket v2, book checksum.
    """

    covers: ClassVar[int] = 10
    printed: ClassVar[bool] = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start with other sides."""
        self._asks = _SideText()
        self._bids = _SideText()

    def __call__(self, ladder: Ladder, shift: tuple[int, int] = (0, 0)) -> int | None:
        """CRC32, unsigned."""
        if shift == (0, 0):
            return self.of(ladder)
        bids, asks = (_shifted(side, *shift) for side in (ladder.bids, ladder.asks))
        return None if bids is None or asks is None else crc32(bids, crc32(asks))

    def of(self, ladder: Ladder) -> int:
        """The CRC32 of a book at the printed exponents."""
        return crc32(self._bids.of(ladder.bids), crc32(self._asks.of(ladder.asks)))


OwnChecksum = KrakenChecksum
"""The checksum of deltawire's own book notifications."""


def levels_checksum(bids: Levels, asks: Levels) -> int:
    """Kraken's checksum of a book given as columns, best first."""
    return crc32(level_digits(bids, KRAKEN_LEVELS), crc32(level_digits(asks, KRAKEN_LEVELS)))


def _shifted(side: Side, price_shift: int, size_shift: int) -> bytes | None:
    """The digits of a side's best levels with fewer decimal places; None if that would lose digits."""
    levels = side.levels(KRAKEN_LEVELS)
    numbers = [
        _shift(number, shift)
        for level in zip(levels.prices, levels.sizes, strict=True)
        for number, shift in zip(level, (price_shift, size_shift), strict=True)
    ]
    return None if None in numbers else "".join(map(str, numbers)).encode()


def _shift(number: int, shift: int) -> int | None:
    if shift < 0:
        return number * unit(shift)
    whole, lost = divmod(number, unit(-shift))
    return None if lost else whole


class _SideText:
    """The text of one side, cached while the side does not change: most messages change one side."""

    __slots__ = ("_text", "_version")

    def __init__(self) -> None:
        self._version = -1
        self._text = b""

    def of(self, side: Side) -> bytes:
        """Price and size digits of the best ten levels."""
        if side.version != self._version:
            self._version, self._text = side.version, side.digits(KRAKEN_LEVELS)
        return self._text


class OkxChecksum:
    """OKX v5: CRC32 of the best 25 bids and asks, interleaved as `price:size`, joined by colons.

    The texts are the venue's own, and are stored in the sides. If one side is shorter, the other continues alone.
    Source: OKX API v5 guide, order book checksum (sent as a signed int32; always 0 since June 2026, which means
    absent).
    """

    covers: ClassVar[int] = 25
    printed: ClassVar[bool] = False

    def reset(self) -> None:
        """Nothing is kept between books."""

    def __call__(self, ladder: Ladder, shift: tuple[int, int] = (0, 0)) -> int:
        """CRC32, unsigned (compare with the venue's value modulo 2^32)."""
        bids, asks = (
            [side.text(price) for price in side.top(OKX_LEVELS)] for side in (ladder.bids, ladder.asks)
        )
        shared = min(len(bids), len(asks))
        levels = [*chain.from_iterable(zip(bids, asks, strict=False)), *bids[shared:], *asks[shared:]]
        return crc32(":".join(levels).encode())
