"""One client's conversation as a state machine: channels, methods, heartbeat. Pure."""
