"""The accounts of the built-in exchange: names, numbers, and what each begins with. Money itself is in the journal."""

from pathlib import Path
from typing import Annotated

import msgspec

from deltawire.errors import UsageError
from deltawire.store.home import decode_own, file_stamp, home, locked, make_folder, write_whole

ACCOUNTS, LOCK = "accounts.json", "accounts.lock"
FIRST, LAST = 1, 999_999
"""Numbers above belong to the exchange's own agents."""


class AccountEntry(msgspec.Struct, frozen=True):
    """One account; `deposits` in smallest units (1e-8) by currency."""

    name: str
    number: Annotated[int, msgspec.Meta(ge=FIRST, le=LAST)]
    deposits: dict[str, int]


class AccountStore:
    """The accounts under a folder. A running server takes up new ones by itself."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home()
        self.path = self.folder / ACCOUNTS

    def read(self) -> list[AccountEntry]:
        """All accounts; none when there is no file yet."""
        try:
            entries = decode_own(self.path, list[AccountEntry])
        except FileNotFoundError:
            return []
        for what in ("name", "number"):
            if len({getattr(entry, what) for entry in entries}) != len(entries):
                raise UsageError(f"{self.path} is damaged: two accounts have one {what}")
        return entries

    def add(self, name: str, deposits: dict[str, int]) -> AccountEntry:
        """One more account; its name must be new."""
        make_folder(self.folder)
        with locked(self.folder / LOCK):
            known = self.read()
            if any(each.name == name for each in known):
                raise UsageError(f"there is an account {name!r} already; deltawire keys add --account {name}")
            number = max((each.number for each in known), default=FIRST - 1) + 1
            if number > LAST:
                raise UsageError(f"there are {LAST} accounts already")
            entry = AccountEntry(name, number, deposits)
            write_whole(self.path, msgspec.json.format(msgspec.json.encode([*known, entry]), indent=1))
        return entry

    def stamp(self) -> tuple[int, int, int]:
        """Changes whenever the file does."""
        return file_stamp(self.path)
