"""The C programs, compiled when they are needed."""

import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "c"
BUILT = SOURCES.parent.parent / "build" / "bench"
FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra", "-D_GNU_SOURCE")


def compile_program(name: str) -> Path:
    """The path of a program of bench/c, compiled anew."""
    return _compile(SOURCES / f"{name}.c", BUILT / name)


def compile_cpp(name: str) -> Path:
    """The path of a C++ program of bench/c that uses the kernel's headers, compiled anew as the kernel is."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        sys.exit("bench: no C++ compiler (c++, g++ or clang++)")
    target = BUILT / name
    target.parent.mkdir(parents=True, exist_ok=True)
    flags = ("-O3", "-std=c++20", "-Wall", "-Wextra", f"-I{SOURCES.parent.parent / 'src' / 'kernel'}")
    subprocess.run([compiler, *flags, "-o", str(target), str(SOURCES / f"{name}.cpp")], check=True)
    return target


def compile_library(name: str, soname: str) -> Path:
    """The path of a shared library of bench/c, compiled anew, that answers to `soname`."""
    return _compile(SOURCES / f"{name}.c", BUILT / soname, "-shared", "-fPIC", f"-Wl,-soname,{soname}")


def _compile(source: Path, target: Path, *flags: str) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        sys.exit("bench: no C compiler (cc, gcc or clang); the limit and the load are C programs")
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, *FLAGS, *flags, "-o", str(target), str(source)], check=True)
    return target
