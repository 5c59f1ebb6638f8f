"""Makers of the one event stream: recordings today, live connections and the built-in exchange beside them."""
