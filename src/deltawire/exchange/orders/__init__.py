"""Orders and their states, requests to the exchange, and error codes."""
