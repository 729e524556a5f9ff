"""`python -m nlsr_cli` is `nlsr`."""

import atexit
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from nlsr_cli.console.bar import begin, end
from nlsr_cli.container import processors


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it like any other."""
    _fill_standard_streams()
    begin(sys.argv[1:])
    _prepare()
    try:
        from nlsr_cli.cli import main as run
        from nlsr_cli.console.streams import last_word, take_streams
    except KeyboardInterrupt:
        _leave()
    try:
        take_streams()
        run()
    except KeyboardInterrupt:  # before a command began, of which each answers to it by itself
        _leave()
    except SystemExit as exit_:
        if exit_.code == 130:
            _leave()
        end()
        if isinstance(exit_.code, str):
            raise
        _end(last_word(exit_.code or 0))
    finally:
        end()


def _end(code: int) -> NoReturn:
    """End a process whose work is done and whose streams are flushed, without taking its half a million objects apart.

    That takes an eighth of the time of a small picture. Without it, libraries that look for leaks at the very end must
    not run either: nanobind, which Triton and so PyTorch with CUDA brings, would print all functions that it has.
    """
    atexit._run_exitfuncs()  # temporary folders and child processes end here, as after a fork
    os._exit(code)


def _leave() -> None:
    """End an interrupted process at once: Python would wait for a picture that is still being encoded for nobody."""
    end()
    with suppress(OSError, ValueError):
        if sys.stdout is not None:
            sys.stdout.flush()
    os._exit(130)


def _fill_standard_streams() -> None:
    """Open what the caller has closed of the first three descriptors onto nothing.

    Otherwise the next files to be opened get their numbers, and what a library prints to standard error goes into an
    output, the ledger or the pipe to the decoder. Python's own streams stay closed, and are known to be.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)


def _prepare() -> None:
    """Set what must be set before the libraries are loaded; what the user has set stays."""
    # Loading makes half a million objects that live to the end, and that Python would look through again and again.
    gc.set_threshold(50_000, 20, 100)
    # By default GNU OpenMP's threads wait for each other without giving up their cores, for milliseconds. Where another
    # program has a core (or nlsr itself writes a picture) every step then waits for a thread that does not run: two
    # runs side by side were eight times as slow as they are with microseconds.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # A container with the time of two processors that starts a thread on each of the machine's 64 mostly waits.
    granted = processors()
    if granted is not None and granted < _visible_processors():
        os.environ.setdefault("OMP_NUM_THREADS", str(granted))


def _visible_processors() -> int:
    """Return how many processors this process may run on, as OpenMP counts them."""
    affinity = getattr(os, "sched_getaffinity", None)  # only Linux has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


if __name__ == "__main__":
    main()
