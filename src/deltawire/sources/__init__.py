"""Sources of the event stream: live venues, recordings and the built-in exchange."""
