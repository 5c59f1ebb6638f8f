"""What outlives the process: files under `DELTAWIRE_HOME`."""
