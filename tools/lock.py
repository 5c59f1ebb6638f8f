"""Resolve the dependencies of each group anew, with the hash of every file and no address of any index."""

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
GROUPS = {
    "runtime": [],
    "dev": ["--group", "dev"],
    "bench": ["--group", "bench"],
    "interop": ["--group", "interop"],
    "fuzz": ["--group", "fuzz"],
}
BUILD = "cython>=3.1\nhatchling>=1.27\neditables>=0.5\n"


def main() -> None:
    """Write requirements/*.txt."""
    build = REQUIREMENTS / "build.in"
    build.write_text(BUILD)
    for name, group in GROUPS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--upgrade"]
        command += ["--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header", *group]
        target = REQUIREMENTS / f"{name}.txt"
        subprocess.run([*command, "pyproject.toml", str(build), "-o", str(target)], check=True)
        print(f"{target.name}: {target.read_text().count('==')} packages")
    build.unlink()


if __name__ == "__main__":
    main()
