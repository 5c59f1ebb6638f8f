"""Test doubles for programs that use deltawire: simulated venues, and a subscriber that verifies.

`simulators` produce each venue's wire format from a random market with a seed. `link` connects one to the venue's
state machine in memory, so that a test can lose, change or delay frames. `replica` rebuilds books from events and
raises an error at the first violated guarantee.
"""
