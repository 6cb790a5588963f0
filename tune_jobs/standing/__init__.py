"""How far a study has got: its replicates, what the ledger has of them, what its stages and its search have chosen. Pure functions of a study and the ledger; nothing here trains."""
