"""Training through Ray Tune: options and settings of a run, the trainable, the driver's rounds, the director and the
workers of a search, live progress, TensorBoard. The training loop itself is in `models`, which knows no Ray; what is
left to train is decided in `standing`.
"""
