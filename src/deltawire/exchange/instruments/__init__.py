"""The traded contracts with their calendar, strikes and fees."""
