"""Comparison tables: what stands in them, their columns, and how they are written as Markdown, LaTeX, HTML and CSV."""
