"""The report: which sections it has, in which order, and the files that it is written to."""
