"""The user's networks, losses, optimizers, schedules and datasets: finding them, carrying their code, their parameters.

What a study file says about them is read in tune_jobs/study; calling them in a training run is up to models/.
"""
