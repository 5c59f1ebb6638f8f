"""Build a release into dist/ and try it: sdist, wheel from the sdist, installed where there is no compiler.

    python tools/dist.py [--built]        # --built: try the wheel that is in dist/ already

The wheel must contain the compiled kernel, and the dashboard if this checkout has one. It is installed with the locked
requirements, from wheels alone, into a new environment whose PATH has no other program; there `deltawire serve` must
answer.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
KERNEL = "deltawire/book/_kernel.", "deltawire/gateway/_sending."
PAGE = "deltawire/gateway/dashboard/"
"""Where the dashboard is in the wheel, if there is a folder web/."""
ANSWER_S = 120


def main() -> None:
    """Build, check, install, serve."""
    wheel = next(DIST.glob("*.whl")) if "--built" in sys.argv[1:] else build()
    check_content(wheel)
    with tempfile.TemporaryDirectory(prefix="deltawire-dist-") as scratch:
        program = install(wheel, Path(scratch))
        try_out(program, Path(scratch))
    for file in sorted(DIST.iterdir()):
        print(f"{file.stat().st_size:>9} {file.relative_to(ROOT)}")


def build() -> Path:
    """The sdist from the checkout, and the wheel from nothing but the sdist; returns the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(DIST), cwd=ROOT)
    (sdist,) = DIST.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "-w", str(DIST), str(sdist), DELTAWIRE_KERNEL="require")
    (wheel,) = DIST.glob("*.whl")
    return wheel


def check_content(wheel: Path) -> None:
    """The kernel for this platform is inside, and the page."""
    names = zipfile.ZipFile(wheel).namelist()
    wanted = [*KERNEL, *([PAGE] if (ROOT / "web").is_dir() else [])]
    if missing := [start for start in wanted if not any(name.startswith(start) for name in names)]:
        sys.exit(f"{wheel.name} does not contain {', '.join(missing)}")
    if wheel.stem.endswith("-any"):
        sys.exit(f"{wheel.name} is not tagged for a platform")


def install(wheel: Path, scratch: Path) -> Path:
    """Install into an empty environment, from wheels alone; returns the program."""
    venv.create(scratch / "venv", with_pip=True, symlinks=True)
    python = scratch / "venv" / "bin" / "python"
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]
    locked = str(ROOT / "requirements" / "runtime.txt")
    run(*pip, "--require-hashes", "--requirement", locked, cwd=scratch, PATH=str(python.parent))
    run(*pip, "--no-deps", "--no-index", str(wheel), cwd=scratch, PATH=str(python.parent))
    return python.parent / "deltawire"


def try_out(program: Path, scratch: Path) -> None:
    """The compiled kernel is in use, and a server answers with it, and stops in order."""
    environment = {"PATH": str(program.parent), "DELTAWIRE_HOME": str(scratch / "home")}
    if any(shutil.which(name, path=environment["PATH"]) for name in ("cc", "c++", "gcc", "g++", "clang++")):
        sys.exit("there is a compiler in the empty environment")
    said = subprocess.run(
        [program, "version", "--json"],
        env=environment,
        cwd=scratch,
        capture_output=True,
        text=True,
        check=True,
    )
    versions = json.loads(said.stdout)
    if versions["kernel"] != "compiled kernel":
        sys.exit(f"the installed deltawire runs in {versions['kernel']}")
    command = [program, "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, cwd=scratch, stdout=subprocess.PIPE, text=True) as server:
        try:
            print(f"installed: {versions}; serves {len(listed(server))} instruments")
        finally:
            server.terminate()
            code = server.wait(ANSWER_S)
    if code:
        sys.exit(f"the server ended with exit code {code}")


def listed(server: "subprocess.Popen[str]") -> list[dict[str, object]]:
    """What the server answers at the address that it prints."""
    assert server.stdout is not None
    text = ""
    for line in server.stdout:
        text += line
        if match := re.search(r"HTTP\s+(http://\S+)", line):
            return instruments(match[1])
    sys.exit(f"the server did not start: {text}")


def instruments(url: str) -> list[dict[str, object]]:
    """The instruments, as soon as there are some."""
    end = time.monotonic() + ANSWER_S
    while time.monotonic() < end:
        with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:
            if found := json.load(answer)["result"]:
                return list(found)
        time.sleep(0.1)
    sys.exit(f"{url} has no instruments after {ANSWER_S} s")


def run(*command: str, cwd: Path | None = None, **environment: str) -> None:
    """Run a command; stop where it fails."""
    done = subprocess.run(command, check=False, cwd=cwd, env=os.environ | environment)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
