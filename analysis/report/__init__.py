"""The report of a study: its sections, their order and their words, and the files it is written to (HTML, Markdown,
LaTeX, CSV). Not here: how a number is computed (`statistics`), how a table or figure looks (`tables`, `figures`).
"""
