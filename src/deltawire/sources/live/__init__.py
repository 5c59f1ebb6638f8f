"""Live connections to venues: the shell around a venue's state machine and the decisions of `venues.live`."""
