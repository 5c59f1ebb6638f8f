"""Importing this fills the table of methods with the private ones."""

from deltawire.session.private import account, cancelling, orders, placing, quoting, settings, trades

SUBJECTS = (account, cancelling, orders, placing, quoting, settings, trades)
