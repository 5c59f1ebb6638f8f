"""Fuzz targets: the compiled kernel and its twin get the same bytes and must agree, on results and on refusals.

`make fuzz` runs each for a minute; `python -m fuzz.levels CRASH_FILE` repeats a finding.
"""
