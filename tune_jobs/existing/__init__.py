"""Results that others trained: read from their files, looked at for what was varied, and laid out as tables, or taken
as trials of a study. Nothing here unpickles a file, runs code of the user's, or writes. What tables show of them is in
`analysis`.
"""
