"""Order books: text to integer columns, ladders, continuity rules, checksums, and the state machine over them."""
