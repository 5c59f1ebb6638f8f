"""Ratios as text."""

import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from bench.fanout_contest import Samples
from bench.fanout_pair import LOAD_CORE, SERVER_CORE, Sample

PACKAGES = ("deltawire", "uvloop", "websockets", "picows", "socketify", "fastapi", "uvicorn")
Results = dict[int, Samples]
"""By subscribers."""


def heading(frame_bytes: int, rounds: int) -> list[str]:
    """What is measured, with what."""
    return [
        f"Fan-out: {frame_bytes}-byte frames, servers on core {SERVER_CORE}, clients on core {LOAD_CORE} (over wss "
        f"in Python, else in C), "
        f"medians of {rounds} interleaved rounds",
        f"  Python {platform.python_version()}, " + ", ".join(f"{name} {found(name)}" for name in PACKAGES),
        "  × C: deliveries per second of server CPU against C's in the same round; k/s: thousands of them; "
        "user: µs of user-space CPU per delivery",
    ]


def found(package: str) -> str:
    """A package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def table(results: Results, messages: int, limit: str) -> list[str]:
    """A line per contestant, three columns per number of subscribers."""
    what = "one message per tick" if messages == 1 else f"{messages} messages per tick"
    names = dict.fromkeys(name for samples in results.values() for _, name in samples)
    return [
        f"  {what:24}" + "".join(f"{f'{subscribers:,} subscribers':>24}" for subscribers in results),
        "  " + " " * 24 + f"{'× C':>10}{'k/s':>7}{'user':>7}" * len(results),
        *(
            f"  {name:24}" + "".join(cell(samples, messages, name, limit) for samples in results.values())
            for name in names
        ),
    ]


def cell(samples: Samples, messages: int, name: str, limit: str) -> str:
    """Ratio, rate and user time, or a dash."""
    own, ratios = samples.get((messages, name)), ratios_of(samples, messages, name, limit)
    if not own or not ratios:
        return f"{'–':>10}{'–':>7}{'–':>7}"
    rate = statistics.median(sample.per_cpu_s for sample in own)
    return f"{statistics.median(ratios):>10.2f}{rate / 1e3:>7.0f}{user_us(own):>7.2f}"


def bar(samples: Samples, messages: int, name: str, other: str, least: float) -> str:
    """Where one ratio of medians stands to the least that will do."""
    what = f"{name} / {other}, {messages} per tick"
    ratios = ratios_of(samples, messages, name, other)
    if not ratios:
        return f"  {what}: not measured"
    median = statistics.median(ratios)
    verdict = "met" if median >= least else "missed"
    return (
        f"  {what}: {median:.2f} (rounds {min(ratios):.2f} to {max(ratios):.2f}), bar {least:.2f}: {verdict}"
    )


def disturbance(results: Results) -> str:
    """How much else the machine had to do."""
    taken = [sample for samples in results.values() for own in samples.values() for sample in own]
    waited = statistics.median(sample.waited_share for sample in taken)
    return f"  Waiting for cores that other processes had: {waited:.0%} of a window (median; 0% on a quiet machine)"


def ratios_of(samples: Samples, messages: int, name: str, other: str) -> list[float]:
    """Round by round, one contestant against another."""
    own, others = samples.get((messages, name), []), samples.get((messages, other), [])
    return [one.per_cpu_s / two.per_cpu_s for one, two in zip(own, others, strict=False)]


def user_us(own: Sequence[Sample]) -> float:
    """User-space µs per delivery, all rounds together: the kernel splits CPU time too coarsely for one."""
    return sum(sample.user_us * sample.frames for sample in own) / sum(sample.frames for sample in own)
