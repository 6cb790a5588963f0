"""Training through Ray Tune. `models` has the training loop, without Ray; `standing` decides what is left to train.

`table_run` and `search_run` are the two kinds of run. Each has a `…_launch`, the side of the driver, and runs
`group_worker` or `search_worker` in the workers; both train a trial by `trainable`. `director` decides what a search
trains and who stops at a rung, by `search_rules`; `worker_watch` deals with workers that die; `progress`,
`search_progress` and `eta` say how far a run is.
"""
