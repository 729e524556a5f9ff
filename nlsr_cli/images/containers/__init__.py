"""One bounded walker per container: bytes in, parts out. Knows nothing of pixels, colours or what is kept."""
