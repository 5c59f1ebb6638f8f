"""Make a virtual environment, install locked requirements into it, then deltawire itself.

    bootstrap.py VENV REQUIREMENTS

What builds deltawire (`build.txt`, beside the requirements) is installed too, because the checkout is built here.

Needs nothing but the Python that runs it. Debian keeps `venv` in a package of its own: where it is missing
and apt-get may be used, it is installed; else one line says what to do.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the three steps; a failure of any is the end."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this file runs before anything has checked)
        sys.exit(
            f"deltawire needs Python 3.11 or newer, this is {sys.version.split()[0]}: make PYTHON=python3.12 …"
        )
    venv, requirements = Path(sys.argv[1]), Path(sys.argv[2])
    python = venv / "bin" / "python"
    if not python.exists():
        if find_spec("ensurepip") is None:
            install_venv()
        say(f"making {venv}")
        run(sys.executable, "-m", "venv", str(venv))
    say(f"installing {requirements}")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    both = ["--requirement", str(requirements), "--requirement", str(requirements.with_name("build.txt"))]
    run(*pip, "--require-hashes", *both)
    run(*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    run(str(python), "-c", "from deltawire.book.kernel import DESCRIPTION; print('deltawire:', DESCRIPTION)")
    mark = venv / ("ready-dev" if requirements.stem == "dev" else "ready")
    mark.touch()


def install_venv() -> None:
    """Get Debian's venv package."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    apt = shutil.which("apt-get")
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if apt is None or (prefix and shutil.which("sudo") is None):
        sys.exit(f"this Python has no venv module: install it first (Debian: apt-get install {package})")
    say(f"installing {package}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", package]):
        done = subprocess.run([*prefix, apt, *command], check=False, env=environment, capture_output=True)
    if done.returncode:
        sys.stderr.buffer.write(done.stderr)
        sys.exit(f"could not install {package}: run apt-get install {package}, then make again")


def run(*command: str) -> None:
    """Run a command; stop where it fails."""
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}")


def say(text: str) -> None:
    """One line of progress."""
    print(f"deltawire: {text} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
