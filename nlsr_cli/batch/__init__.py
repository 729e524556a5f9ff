"""Jobs: where pictures come from and go to, what is done already, how one is done, and what became of it.

Knows no terminal and no network; who runs the jobs, and where, is the business of `engines`.
"""
