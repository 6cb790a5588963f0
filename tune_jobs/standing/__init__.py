"""How far a study has got: its replicates, what the ledger has of them, what its stages and its search have chosen.
`Standing` is the value that every command starts from. Pure functions of a study and the ledger: nothing here trains,
and nothing here writes.
"""
