"""Orders and their states, what is asked of the exchange, and the codes of refusals."""
