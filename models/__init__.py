"""Networks, objectives, optimizers and the training engine: plain PyTorch, no Ray, no files.

Importing the package loads no torch: `models.registry` and `models.shapes` are plain Python, and
`models.engine` is imported where something is trained.
"""
