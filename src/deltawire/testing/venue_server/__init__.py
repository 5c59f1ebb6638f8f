"""Simulated venues on real sockets: `VenueServer`, its market, its limits and its faults."""

from deltawire.testing.venue_server.faults import Fault, parse_fault
from deltawire.testing.venue_server.followed import follow_exchange, follow_recording
from deltawire.testing.venue_server.limits import LIMITS, Limits, Rate, Tally
from deltawire.testing.venue_server.market import Market
from deltawire.testing.venue_server.server import VenueServer

__all__ = [
    "LIMITS",
    "Fault",
    "Limits",
    "Market",
    "Rate",
    "Tally",
    "VenueServer",
    "follow_exchange",
    "follow_recording",
    "parse_fault",
]
