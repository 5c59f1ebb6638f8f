"""The channel classes: what each family publishes."""
