"""What a run would take, before it runs. Nothing here is kept in the ledger; the live estimate is in `training.eta`.

`pilot_samples` chooses which trials pilots time, `pilot` runs the pilots through Ray, and `pilot_timing` times one of
them. `estimate` turns the timings into wall time, `disk` into disk space; `plan` does all of it.
"""
