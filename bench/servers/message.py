"""The message everyone sends: a notification of an index price, as long as deltawire's own."""

from deltawire.wire.frames import text_frame
from deltawire.wire.notifications import Envelope, format_data

INDEX = "btc_usdt"
CHANNEL = f"deribit_price_index.{INDEX}"
EPOCH = "6910c3f2-a1b2c3"
FIRST_SEQ = 1_000_000
"""Where the sequence starts, so that all of a run's numbers are equally long."""
MS_NS = 1_000_000

_data = {"timestamp": 1_762_706_418_123, "index_name": INDEX, "price": 61837.5}
PAYLOAD = Envelope(CHANNEL, EPOCH).wrap(FIRST_SEQ + 1, FIRST_SEQ, format_data(_data))
FRAME = text_frame(PAYLOAD)
