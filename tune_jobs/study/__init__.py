"""A study as declared: the YAML file and its checks, what it means, and the rows and trials of its tables.

Nothing here reads the ledger, so nothing here knows what has been trained; that is in tune_jobs/standing. What a single
trial depends on is in tune_jobs/trial, the user's networks and data are in tune_jobs/user_code.
"""
