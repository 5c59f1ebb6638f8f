"""The contestants: each module is a server that ticks as standard input says, on the port it is given."""
