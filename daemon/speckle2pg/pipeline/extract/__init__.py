"""The pure extraction: objects and nodes in, facts and occurrences out; no I/O and no clock."""
