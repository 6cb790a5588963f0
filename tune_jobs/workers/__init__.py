"""How the processes of Ray's workers start on this machine: as forks of one that has imported all they need.

What a worker does once it is up belongs into `tune_jobs.training`.
"""
