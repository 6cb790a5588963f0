"""Which trials of a study train in stacks: those of small networks, where this machine gains by it.

It follows from the study's configurations, never from what the ledger lacks, and stays for what was run.
"""
