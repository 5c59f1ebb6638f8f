"""Fakes for tests of anything that listens to deltawire: venues simulated on the wire, and a subscriber that checks.

`simulators` speak each venue's wire format over a market that a seed moves; `link` joins one to the venue's own
machine in memory, and lets a test lose, change or delay what passes; `replica` rebuilds books from events and
complains of the first broken promise.
"""
