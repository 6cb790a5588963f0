"""Joint searches: the space, the sampler, the rungs, and what follows once the best is known."""
