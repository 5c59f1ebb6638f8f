"""Who gets what: channels encode an event once, groups of subscribers get the same bytes. Pure; sinks write."""
