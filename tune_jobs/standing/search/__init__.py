"""How far a search has got: its journal, its trials, and what follows once its budget is used up."""
