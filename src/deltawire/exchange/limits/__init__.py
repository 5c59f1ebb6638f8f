"""How many orders a client may have."""
