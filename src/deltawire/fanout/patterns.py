"""Who wants the channels of every instrument whose name fits, also of those that come later."""

from collections.abc import Iterable, Iterator

from deltawire.fanout.roster import Member
from deltawire.session.channels import ChannelKey


class Patterns:
    """Patterns by member, and which channels a member is on only because of them."""

    def __init__(self) -> None:
        self._wanted: dict[Member, dict[str, ChannelKey]] = {}
        self._implied: dict[Member, set[str]] = {}

    def add(self, member: Member, pattern: ChannelKey) -> None:
        """A member wants whatever fits."""
        self._wanted.setdefault(member, {})[pattern.id] = pattern
        self._implied.setdefault(member, set())

    def fitting(self, pattern: ChannelKey, instruments: Iterable[str]) -> Iterator[ChannelKey]:
        """The channels of a pattern for these instruments."""
        return (pattern.of(name) for name in instruments if pattern.fits(name))

    def newcomers(self, instruments: list[str]) -> list[tuple[Member, list[ChannelKey]]]:
        """Who wants channels of instruments that have just become known."""
        found = [
            (member, [key for pattern in wanted.values() for key in self.fitting(pattern, instruments)])
            for member, wanted in self._wanted.items()
        ]
        return [(member, keys) for member, keys in found if keys]

    def implied(self, member: Member, channel_id: str) -> None:
        """The member is on a channel because of a pattern."""
        self._implied[member].add(channel_id)

    def asked(self, member: Member, channel_id: str) -> None:
        """The member has asked for a channel by its name."""
        self._implied.get(member, set()).discard(channel_id)

    def left(self, member: Member, key: ChannelKey) -> bool:
        """The member wants a channel no more by its name; whether a pattern still wants it."""
        wanted = self._wanted.get(member, {}).values()
        if not any(pattern.covers(key) for pattern in wanted):
            return False
        self.implied(member, key.id)
        return True

    def remove(self, member: Member, pattern_id: str) -> set[str]:
        """The member wants a pattern no more; returns the channels that only this one wanted."""
        wanted = self._wanted.get(member, {})
        if wanted.pop(pattern_id, None) is None:
            return set()
        others = [key.id for pattern in wanted.values() for key in self._still(member, pattern)]
        alone = self._implied[member] - set(others)
        self._implied[member] -= alone
        if not wanted:
            self.gone(member)
        return alone

    def gone(self, member: Member) -> None:
        """The member's connection is over."""
        self._wanted.pop(member, None)
        self._implied.pop(member, None)

    def _still(self, member: Member, pattern: ChannelKey) -> Iterator[ChannelKey]:
        prefix, suffix = pattern.name.split(pattern.instrument, 1)
        for channel_id in self._implied[member]:
            name = channel_id.partition(" ")[0]
            instrument = name.removeprefix(prefix).removesuffix(suffix)
            key = pattern.of(instrument)
            if key.id == channel_id and pattern.fits(instrument):
                yield key
