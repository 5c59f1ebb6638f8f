"""Books, order entry, matching, triggers and quotes. Knows nothing of money."""
