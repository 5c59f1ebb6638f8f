"""Fakes, shipped: what tests and demonstrations need when no venue is at hand."""
