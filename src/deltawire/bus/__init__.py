"""Brokers: carry batches from sources to gateways, and account events from the exchange."""
