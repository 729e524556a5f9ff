"""`python -m nlsr_cli` is `nlsr`."""

import gc
import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it like any other.

    Loading the libraries makes half a million objects that live to the end. By default Python looks through them again
    and again, last of all when it ends: a fifth of the time that a small picture takes.
    """
    gc.set_threshold(50_000, 20, 100)
    try:
        from nlsr_cli.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        run()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
