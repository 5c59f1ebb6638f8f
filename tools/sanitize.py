"""Run the kernel's tests with the kernel built for AddressSanitizer and UndefinedBehaviorSanitizer (g++ or clang++)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from build_kernel import ROOT, build, find_compiler

FLAGS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
TESTS = (
    "tests/book/test_kernel.py",
    "tests/book/test_fast_path.py",
    "tests/book/test_ladder.py",
    "tests/book/test_merging.py",
    "tests/book/test_reader_checkpoints.py",
    "tests/book/test_book.py",
    "tests/book/test_checksums.py",
    "tests/venues/test_kernels.py",
    "tests/venues/test_fast_path.py",
    "tests/gateway/test_outgoing.py",
)


def main() -> None:
    """Build a copy of the package beside the source tree, and test that."""
    tree = ROOT / "build" / "sanitized"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT / "src" / "deltawire", tree / "deltawire", ignore=shutil.ignore_patterns("*.so"))
    build(tree, FLAGS)
    environment = os.environ | {
        "PYTHONPATH": str(tree),
        "LD_PRELOAD": " ".join(runtime(name) for name in ("libasan.so", "libubsan.so", "libstdc++.so")),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself keeps much to its end
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",  # so that every bytes object has its own fence
    }
    where = "from deltawire.book import _kernel; print('sanitized:', _kernel.__file__)"
    subprocess.run([sys.executable, "-c", where], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(sys.argv[1:] or TESTS)]
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


def runtime(name: str) -> str:
    """Where the compiler keeps a library."""
    command = [*find_compiler(), f"-print-file-name={name}"]
    return str(
        Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()).resolve()
    )


if __name__ == "__main__":
    main()
