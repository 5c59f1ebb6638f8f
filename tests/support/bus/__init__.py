"""A bus of its own for a test."""
