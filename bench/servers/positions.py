"""Where the channel of a benchmark stands, so that all numbers of a run are equally long."""

from bench.servers.message import CHANNEL, INDEX
from deltawire.roles.gateway import App


def begin_at(app: App, seq: int) -> None:
    """The next notification has the position behind this one."""
    app.market._indices[INDEX].prices.number = seq
    app.hub.directory._channels[CHANNEL].seq = seq
