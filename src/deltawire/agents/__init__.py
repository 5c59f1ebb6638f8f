"""Who trades on the built-in exchange: a latent world, makers, takers and noise; pure, each with its own chance."""
