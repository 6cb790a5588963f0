"""Figures: a module for each, which turns data into a matplotlib figure and its caption.

What several figures share (colours, axes, legends) is in `style`. Nothing here writes a file, computes a statistic or
touches matplotlib's global state.
"""
