"""The places where rooms are wired together."""
