"""Analytics on the stream of events: candles today; imbalance, depth and order flow beside them later."""
