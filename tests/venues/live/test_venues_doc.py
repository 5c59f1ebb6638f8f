"""docs/venues.md says what the code says."""

import importlib.util
from pathlib import Path

TOP = Path(__file__).parents[3]


def test_the_table_of_venues_is_what_the_code_states() -> None:
    spec = importlib.util.spec_from_file_location("venue_table", TOP / "tools" / "venue_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (TOP / "docs" / "venues.md").read_text() == module.text(), "run python tools/venue_table.py"
