"""What all tests share."""

from hypothesis import settings

settings.register_profile("deltawire", derandomize=True, deadline=None, database=None)
settings.load_profile("deltawire")
