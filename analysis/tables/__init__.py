"""Comparison tables: their lines and columns, and how they are written as Markdown, LaTeX and CSV.

A table starts as a `TableView` of numbers (`tables`, made in `building`), becomes a `Sheet` of text (`columns`), and is
written by `rendering`. Tables of other parts of the report start as a `Sheet` where they belong, not here.
"""
