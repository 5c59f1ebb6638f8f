"""Build the compiled kernel, where there is a C++ compiler: part of the build hook, and a program of its own.

    python tools/build_kernel.py [FLAG…]      # into src/deltawire, with further compiler flags

`pip install` runs the hook. Without a compiler, Python's headers or Cython it says so in one line and leaves the
kernel out: deltawire then runs in pure Python. DELTAWIRE_KERNEL=require makes that an error, DELTAWIRE_KERNEL=skip
leaves the kernel out at once.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "kernel"
MODULES = {"_kernel": "deltawire/book", "_sending": "deltawire/gateway"}
"""Each Cython file, and the folder of its module."""
FLAGS = ("-std=c++20", "-O3", "-g0", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
PLATFORM_FLAGS = {"darwin": ("-undefined", "dynamic_lookup")}
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


class UnbuiltError(Exception):
    """Why there is no kernel, in one line."""


def build(folder: Path, extra: tuple[str, ...] = ()) -> dict[Path, str]:
    """Compile every module below `folder`; returns the files with their paths inside the package's parent."""
    compiler = find_compiler()
    check_headers()
    built: dict[Path, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, place in MODULES.items():
            source = Path(scratch) / f"{name}.cpp"
            translate(SOURCES / f"{name}.pyx", source, f"{place}/{name}".replace("/", "."))
            target = folder / place / f"{name}{SUFFIX}"
            compile_module(compiler, source, target, extra)
            built[target] = f"{place}/{name}{SUFFIX}"
    return built


def remove(folder: Path) -> None:
    """Remove what was built below `folder`: an old kernel must not outlive its sources."""
    for name, place in MODULES.items():
        (folder / place / f"{name}{SUFFIX}").unlink(missing_ok=True)


def find_compiler() -> list[str]:
    """The C++ compiler: $CXX, or the first of the usual names."""
    wanted = shlex.split(os.environ.get("CXX", ""))
    for command in [wanted] if wanted else [["c++"], ["g++"], ["clang++"]]:
        if shutil.which(command[0]):
            return command
    raise UnbuiltError("no C++ compiler (c++, g++, clang++ or $CXX)")


def check_headers() -> None:
    """Raises `UnbuiltError` where Python came without its headers."""
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise UnbuiltError("no Python.h (Debian: python3-dev)")


def translate(source: Path, target: Path, module: str) -> None:
    """Cython to C++."""
    if find_spec("Cython") is None:
        raise UnbuiltError("no Cython")
    command = [sys.executable, "-m", "cython", "-3", "--cplus", "--module-name", module]
    done = subprocess.run(
        [*command, str(source), "-o", str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise UnbuiltError(f"Cython refuses {source.name}")


def compile_module(compiler: list[str], source: Path, target: Path, extra: tuple[str, ...]) -> None:
    """C++ to a module; written beside and moved, so that no half of one is ever found."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    include = [f"-I{SOURCES}", f"-I{sysconfig.get_path('include')}"]
    flags = [*FLAGS, *PLATFORM_FLAGS.get(sys.platform, ()), *extra]
    done = subprocess.run(
        [*compiler, *flags, *include, str(source), "-o", str(partial)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise UnbuiltError(f"{compiler[0]} cannot compile {source.stem}")
    os.replace(partial, target)


def main() -> None:
    """Build into the source tree."""
    try:
        built = build(ROOT / "src", tuple(sys.argv[1:]))
    except UnbuiltError as reason:
        sys.exit(f"deltawire: the compiled kernel is left out: {reason}")
    print("\n".join(str(file.relative_to(ROOT)) for file in built))


if __name__ == "__main__":
    main()
