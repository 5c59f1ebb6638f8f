"""Both sides of one book: integers in, integers out. The sides are the kernel's, compiled or pure."""

from deltawire.book.kernel import Side
from deltawire.book.pure import changes_between

__all__ = ["Ladder", "Side", "changes_between"]


class Ladder:
    """Both sides of one book."""

    __slots__ = ("asks", "bids")

    def __init__(self, bids: Side | None = None, asks: Side | None = None) -> None:
        self.bids = Side(bid=True) if bids is None else bids
        self.asks = Side(bid=False) if asks is None else asks

    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no venue's matching allows."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid >= ask

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Express the same book in finer ticks and lots."""
        self.bids.rescale(price_factor, size_factor)
        self.asks.rescale(price_factor, size_factor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ladder) and self.bids == other.bids and self.asks == other.asks

    __hash__ = None  # type: ignore[assignment]
