"""The private half of the dialect: orders, trades, positions, money. Parsed strictly; nothing bad gets further."""
