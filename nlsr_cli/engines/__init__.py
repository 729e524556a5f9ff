"""Who runs the jobs of a batch, and where: in this process, or shared among workers. Knows no terminal."""
