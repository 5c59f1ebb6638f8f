"""Brokers: how batches get from sources to gateways."""
