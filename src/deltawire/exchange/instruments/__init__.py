"""What is traded: contracts, their calendar, strikes and fees."""
