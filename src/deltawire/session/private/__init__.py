"""The private methods of the dialect: orders, trades, positions, balances. Parameters are validated strictly."""
