"""Networks, objectives, optimizers and the training engine: plain PyTorch, no Ray, no files.

Importing the package does not load torch: `models.registry`, `models.networks`, `models.network_check`,
`models.history`, `models.plan`, `models.sealed` and `models.grid` do without it, and `models.engine` is imported where
something is trained.
"""
