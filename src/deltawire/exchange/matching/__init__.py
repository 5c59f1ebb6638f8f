"""Books, order entry, matching, triggers and quotes. Does not depend on accounts."""
