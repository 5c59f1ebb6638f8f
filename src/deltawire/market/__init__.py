"""What is known now: per instrument its book, status, ticker, trades and candles, built from events alone."""
