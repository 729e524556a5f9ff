"""`python -m nlsr_cli` is `nlsr`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it like any other."""
    try:
        from nlsr_cli.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
