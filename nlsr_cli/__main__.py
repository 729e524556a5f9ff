"""`python -m nlsr_cli` is `nlsr`."""

from nlsr_cli.cli import main

if __name__ == "__main__":
    main()
