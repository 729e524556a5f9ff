"""Samples of more than eight bits, which Pillow does not hold: read, written, and moved between colour spaces."""
