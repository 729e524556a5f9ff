"""Training: photographs in, weights of our own out."""
