"""Who runs the jobs of a batch, and where: today on this machine, with one upscaler. Knows no terminal."""
