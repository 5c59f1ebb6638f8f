"""Limits on the number of open orders."""
