"""One trial as a value: its configuration, its key, whether it can be built, and what it costs. Nothing here knows of studies, files or Ray."""
