"""A study as it is declared: the YAML file, what it means, and the rows of its tables. Nothing here reads the ledger, so nothing here knows what has been trained."""
