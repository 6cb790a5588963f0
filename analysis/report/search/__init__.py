"""The report's sections on a hyperparameter search: its trials, the audit of its rungs, the winner, what each change
gained, and which parameters matter. Sections of tables and stages are one folder up.
"""
