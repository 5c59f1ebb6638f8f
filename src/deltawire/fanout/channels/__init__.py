"""What each kind of channel says of events."""
