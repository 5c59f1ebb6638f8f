"""Binance spot. See `deltawire.venues.binance`; continuity is the range of update ids."""

from deltawire.book.sequencers import UpdateIdRange
from deltawire.book.straight import StraightWay
from deltawire.venues.binance import BinanceFeed, diff_frames


class BinanceSpot(BinanceFeed):
    """One connection to stream.binance.com."""

    name = "binance_spot"
    rest = "https://api.binance.com/api/v3/"
    sequencer = UpdateIdRange
    depth_stream = "depth@100ms"
    image_limit = 5000
    straight = StraightWay(
        form="text_pairs",
        rule="range",
        updates=diff_frames(E="$venue_ms"),
    )
