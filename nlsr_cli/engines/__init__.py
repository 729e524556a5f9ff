"""Who runs the jobs of a batch, and where: today on this machine, with one enlarger. Knows no terminal."""
