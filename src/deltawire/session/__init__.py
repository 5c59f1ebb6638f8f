"""The state machine of one client's connection: channels, methods, heartbeat. Pure."""
