"""Binance spot. See `deltawire.venues.binance`; continuity is the range of update ids."""

from deltawire.book.fast_path import FastPath
from deltawire.book.sequencers import UpdateIdRange
from deltawire.venues.binance import BinanceConnection, diff_frames


class BinanceSpot(BinanceConnection):
    """One connection to stream.binance.com."""

    name = "binance_spot"
    rest = "https://api.binance.com/api/v3/"
    sequencer = UpdateIdRange
    depth_stream = "depth@100ms"
    image_limit = 5000
    fast_path = FastPath(
        form="text_pairs",
        rule="range",
        updates=diff_frames(E="$venue_ms"),
    )
