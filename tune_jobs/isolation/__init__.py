"""Processes of their own for the user's code: started by a fork, asked one thing at a time, ended at any moment.

What runs in them is up to the rooms that use them; nothing here knows of studies, trials or modules.
"""
