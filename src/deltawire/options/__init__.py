"""Option pricing: Black-76, implied volatility, an arbitrage-free surface, chains."""
