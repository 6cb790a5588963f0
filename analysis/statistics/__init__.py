"""Statistics as functions of arrays: intervals, tests, corrections. Nothing here knows of studies, tables or figures."""
