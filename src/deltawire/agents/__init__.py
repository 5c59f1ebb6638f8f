"""The agents of the built-in exchange.

A latent market, makers, takers and noise; pure, each with its own random stream.
"""
