"""What a run would take: pilots that time each shape of trial, and the wall time, disk and price that follow from them.
Nothing here is kept in the ledger. The live estimate of a run that is going on is in `training.progress`.
"""
