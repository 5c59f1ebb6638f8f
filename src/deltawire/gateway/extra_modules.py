"""Imports what channels of an extra of the package need, in a thread: that takes too long for a turn of the loop."""

import asyncio
import os
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module

from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import ChannelKey

MODULES = {"analytics": ("deltawire.analytics.flow", "deltawire.analytics.option_metrics")}
"""By extra: the modules that its channels are computed with; they import what the extra installs."""


class ExtraModules:
    """Which extras are loaded, and who waits for one."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._tried: set[str] = set()

    def wait_for(self, keys: Iterable[ChannelKey], then: Callable[[], None]) -> bool:
        """Begin to load what these channels need; returns whether `then` will be called when that is done.

        A module that cannot be imported fails again where it is used, which says so on the channel.
        """
        for extra in {FAMILIES[key.family].extra for key in keys} - {""}:
            if extra in self._tried:
                continue
            if extra not in self._waiting:
                self._waiting[extra] = []
                loading = asyncio.get_running_loop().run_in_executor(None, _load, MODULES[extra])
                loading.add_done_callback(partial(self._loaded, extra))
            self._waiting[extra].append(then)
            return True
        return False

    def _loaded(self, extra: str, loading: "asyncio.Future[None]") -> None:
        loading.exception()
        self._tried.add(extra)
        for then in self._waiting.pop(extra):
            then()


def _load(names: Iterable[str]) -> None:
    # The arrays are small: threads would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in names:
        import_module(name)
