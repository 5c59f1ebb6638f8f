"""Values: exact numbers, instruments and market events. No behaviour, no I/O."""
