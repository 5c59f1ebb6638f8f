"""Binance spot. See `deltawire.venues.binance`; continuity is the range of update ids."""

from msgspec.structs import replace

from deltawire.book.fast_path import FastPath
from deltawire.book.sequencers import UpdateIdRange
from deltawire.model.limits import Rate
from deltawire.venues.binance import (
    SPOT_COSTS,
    STREAM_LIMITS,
    BinanceConnection,
    diff_frames,
)


class BinanceSpot(BinanceConnection):
    """One connection to stream.binance.com."""

    name = "binance_spot"
    rest = "https://api.binance.com/api/v3/"
    sequencer = UpdateIdRange
    depth_stream = "depth@100ms"
    image_limit = 5000
    limits = replace(
        STREAM_LIMITS,
        endpoints={
            "": (
                "wss://stream.binance.com:9443/stream",
                "wss://stream.binance.com:443/stream",
                "wss://data-stream.binance.vision/stream",
            )
        },
        rest=("https://api.binance.com", "https://data-api.binance.vision"),
        pool="spot",
        messages=Rate(5, 1.0),
        pongs_count=True,
        streams=1024,
        weight=Rate(6000, 60.0),
        costs=SPOT_COSTS,
        ping="frame",
        ping_s=20.0,
        source="binance/binance-spot-api-docs: web-socket-streams.md, rest-api.md",
    )
    fast_path = FastPath(
        form="text_pairs",
        rule="range",
        updates=diff_frames(E="$venue_ms"),
    )
