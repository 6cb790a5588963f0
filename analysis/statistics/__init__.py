"""Statistics as functions of arrays: intervals, tests and corrections, with their sources, and their results in words.

Nothing here knows of studies, the ledger, tables or figures; data frames come in with columns that a docstring names.
"""
