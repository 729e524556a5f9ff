"""What becomes of each part of a container: one file of rules per container, on top of its walker."""
