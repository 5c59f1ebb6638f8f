"""Index, mark prices, funding, delivery prices and volatility surfaces."""
