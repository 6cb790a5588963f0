"""The command line, the Python interface, and a module for each command that does more than call another room.
The only room that imports `analysis`, and no other room imports this one.
"""
