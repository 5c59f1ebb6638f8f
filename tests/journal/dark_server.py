"""`deltawire serve` on a disk whose power can be cut: a number on standard input cuts it, and the process ends.

What the disk kept is in a folder beside the journal.
"""

import os
import sys
import threading
from pathlib import Path
from random import Random

import deltawire.roles.exchange
from deltawire.cli.main import main
from deltawire.testing.power import PowerCutFiles

SURVIVORS = "survivors"


class _Disk(PowerCutFiles):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        threading.Thread(target=self._wait, args=(directory.parent / SURVIVORS,), daemon=True).start()

    def _wait(self, survivors: Path) -> None:
        """While the server goes on with whatever it is doing."""
        if seed := sys.stdin.readline():
            self.cut(survivors, Random(int(seed)))
            os._exit(1)


if __name__ == "__main__":
    deltawire.roles.exchange.DiskFiles = _Disk  # type: ignore[misc]
    main(sys.argv[1:])
