"""Color spaces: which one a file states, the way to sRGB and back, and colors that sRGB does not hold."""
