"""How many cases tests try: some in the suite, many times as many by `make thorough`."""

import os

from hypothesis import settings

THOROUGH = os.environ.get("DELTAWIRE_THOROUGH", "") not in ("", "0")
"""Whether every combination is tried too, where the suite tries each of its parts."""
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "thorough" if THOROUGH else "suite")
TIMES = 20 if THOROUGH else 1
USUAL = 40
"""Cases of a property that asks for no other number."""


def examples(count: int) -> int:
    """So many in the suite."""
    return count * TIMES


def load_profile() -> None:
    """The suite tries the same cases at every run; no profile has a clock."""
    settings.register_profile(
        "suite", max_examples=USUAL, derandomize=True, deadline=None, database=None, print_blob=False
    )
    settings.register_profile("thorough", max_examples=examples(USUAL), deadline=None)
    settings.register_profile("search", max_examples=2_000, deadline=None)
    settings.load_profile(PROFILE)
