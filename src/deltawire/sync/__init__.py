"""The same as `deltawire.open`, without `await`: an event loop runs in a thread of its own.

`with deltawire.sync.open(where) as dw: for item in dw.subscribe(…): …`. The names, arguments, items and errors are
those of `deltawire.open`. The thread ends with the block.
"""

from deltawire.sync.book_view import BookView
from deltawire.sync.connection import Connection, Listener, open
from deltawire.sync.subscription import Subscription

__all__ = ["BookView", "Connection", "Listener", "Subscription", "open"]
