"""How far a search has got: its journal, its trials, what follows once its budget is used up, and which factors matter.
What a study declares of a search is in `study`; who trains its trials is in `training`.
"""
