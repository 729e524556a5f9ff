"""Rows into the coded samples of a file, a band at a time, in memory that does not grow with the height."""
