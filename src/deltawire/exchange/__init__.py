"""The built-in exchange: orders, matching, triggers and their records; a pure function of the submitted records."""
