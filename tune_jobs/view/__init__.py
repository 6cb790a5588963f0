"""`view`: a page on this machine that shows how studies stand while they run, and their reports.

It only reads. What a report shows is up to `analysis.report`, which runs in a process of its own.
"""
