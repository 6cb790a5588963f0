"""A single trial as a value: its configuration, its key, its data, whether it can be trained, and its rough cost.

A field of a configuration is declared in config.py, with everything the rest of the code must know of it. Nothing here
reads files or knows of studies, tables or Ray.
"""
