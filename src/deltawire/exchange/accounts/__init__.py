"""Ledger, positions, margin, settlement, liquidation. Knows nothing of books."""
