"""Benchmarks: ratios against peers, from interleaved runs in one process tree."""
