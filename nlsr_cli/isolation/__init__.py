"""Decoding strangers' bytes in a child process, which may crash, hang or grow alone. Knows no job and no network."""
