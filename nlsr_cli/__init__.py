"""Enlarge pictures with NLSN, the Non-Local Sparse Network."""

__version__ = "0.1.0"
