"""What every target shares: atheris watches the pure twin, whose branches lead it through the kernel's as well."""

import sys
from collections.abc import Callable

import atheris


def run(target: Callable[[bytes], None], *seeds: bytes) -> None:
    """Fuzz a target until the time is over; inputs that a venue might send are among the first."""
    from pathlib import Path

    name = Path(sys.modules[target.__module__].__file__ or "target").stem
    corpus = Path("build") / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    repeating = any(not argument.startswith("-") for argument in sys.argv[1:])
    arguments = [*sys.argv, f"-artifact_prefix=build/fuzz/{name}-", *([] if repeating else [str(corpus)])]
    atheris.Setup(arguments, target)
    atheris.Fuzz()
