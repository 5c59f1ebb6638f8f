"""Resolve the dependencies of each group, with the hash of every file and no address of any index.

Versions that are locked stay as they are, unless `--upgrade` is given.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
GROUPS = {
    "runtime": [],
    "nats": ["--extra", "nats"],
    "dev": ["--group", "dev"],
    "bench": ["--group", "bench"],
    "interop": ["--group", "interop"],
    "fuzz": ["--group", "fuzz"],
    "backtest": ["--group", "backtest"],
    "browser": ["--group", "browser"],
}
EDITABLE = "editables>=0.5"
"""What hatchling asks for when a checkout is installed as it lies there."""


def main() -> None:
    """Write requirements/*.txt; what builds the package is apart from what runs it."""
    project = tomllib.loads((REQUIREMENTS.parent / "pyproject.toml").read_text())
    lock("build", "-", given="\n".join([*project["build-system"]["requires"], EDITABLE]))
    lock("node", "-", given="\n".join(project["dependency-groups"]["node"]))
    for name, group in GROUPS.items():  # the same versions of what both need: they are installed together
        lock(name, *group, "pyproject.toml", "--constraint", str(REQUIREMENTS / "build.txt"))


def lock(name: str, *sources: str, given: str = "") -> None:
    """Resolve one file."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += [argument for argument in sys.argv[1:] if argument == "--upgrade"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header", *sources]
    target = REQUIREMENTS / f"{name}.txt"
    subprocess.run([*command, "-o", str(target)], check=True, text=True, input=given)
    print(f"{target.name}: {target.read_text().count('==')} packages")


if __name__ == "__main__":
    main()
