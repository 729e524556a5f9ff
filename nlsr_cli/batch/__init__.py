"""Jobs on disk: which files are read, where outputs go, what is done already, and what became of each file.

Knows no terminal and no network; who runs the jobs, and where, is the business of `engines`.
"""
