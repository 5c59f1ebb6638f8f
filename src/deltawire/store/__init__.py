"""Files under `DELTAWIRE_HOME`."""
