"""Training through Ray Tune: the trainable, the driver's rounds, the search's director and workers, live progress. The training loop itself is in models/."""
