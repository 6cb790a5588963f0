"""Figures: each takes data and returns a matplotlib figure and its caption. Nothing here writes a file."""
