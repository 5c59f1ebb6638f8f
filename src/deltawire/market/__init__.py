"""The present state of all instruments and indices, built from events alone: books, tickers, trades, candles."""
