"""Who gets what: channels encode an event once, groups of members get the same bytes. Pure; sinks write."""
