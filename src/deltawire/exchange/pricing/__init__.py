"""Index, marks, funding, delivery prices and surfaces."""
