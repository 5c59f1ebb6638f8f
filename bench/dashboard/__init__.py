"""The dashboard in Chromium: script and frames on a busy book, a hidden page, memory over time, the first load."""
