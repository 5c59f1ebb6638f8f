"""Analytics on the stream of events: candles, imbalance, order flow, depth and spreads of known books, predictions."""
