"""Large pictures, read a few rows at a time by libvips (pyvips, the extra `huge`)."""
