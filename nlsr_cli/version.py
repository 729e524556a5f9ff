"""The version, on the ground floor: what writes it into files need not know the whole package for that."""

__version__ = "0.1.0"
