"""A pytest plugin (`-p tests.venues.added_venue`): the venue of docs/add-a-venue.md is added, as that page says."""

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from deltawire.testing.simulators import SERVED

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "add-a-venue.md"
PIECE = re.compile(r"^(?:`(\w+)` in )?`([\w/]+)\.py`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A row of a table, or code, and the file that it belongs to."""


def pytest_sessionstart() -> None:
    """Add it before tests are collected."""
    defined: dict[str, object] = {}  # what files in which rows stand would import
    for table, path, code in PIECE.findall(PAGE.read_text()):
        module = module_of(path.removeprefix("src/").removesuffix("/__init__").replace("/", "."), path)
        if not table:
            exec(compile(code, f"{PAGE}: {path}", "exec"), vars(module))
            defined.update(vars(module))
            continue
        row = eval("{" + code + "}", {**defined, **vars(module)})
        getattr(module, table).update(row)
        if table == "SIMULATORS":
            SERVED.update(row)  # which was made of it


def module_of(name: str, path: str) -> ModuleType:
    """The module of a file; a new one if there is no such file."""
    if (TOP / f"{path}.py").exists():
        return import_module(name)
    module = sys.modules[name] = ModuleType(name)
    return module
