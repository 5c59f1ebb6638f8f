"""Ledger, positions, margin, settlement, liquidation. Does not depend on books."""
