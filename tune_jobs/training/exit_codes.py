"""The exit codes of every command, beside 0 and 1."""

USER_ERROR = 2
INTERRUPTED = 130
