"""Faults while a picture is computed: memory, numbers, tiles, decoders, the clock."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from tests.tools.torture.bench import BF16, NETWORK, Bench, NotHere
from tests.tools.torture.command import finish, helpers, kill_group, start
from tests.tools.torture.kills import wait_for_output

FP32 = ("--precision", "fp32")  # in half precision, which some processors take by themselves, tiles are redone first
OUT_OF_MEMORY = 'raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")'


def network(body: str) -> str:
    """Return a prelude in which the network does what `body` says; `sr()` is what it would have given."""
    return f"{NETWORK}\ndef broken(self, lr, sr):\n    {body}\n"


def memory_on_large_tile(bench: Bench) -> str:
    """A tile that does not fit is done in smaller ones, and it is said."""
    prelude = network(f"if max(lr.shape[-2:]) > 64: {OUT_OF_MEMORY}\n    return sr()")
    ended = bench.upscale(prelude=prelude)
    bench.expect_code(ended, 0)
    bench.expect_status(ended, a="done", b="done", c="done")
    bench.expect_said(ended, "did not fit in memory")
    there = bench.out / "b_x2.png"
    bench.expect(there.is_file() and there.stat().st_size > 1000, "no output of the picture whose tile did not fit")
    return "redone in smaller tiles, said"


def memory_on_every_tile(bench: Bench) -> str:
    """Where not even small tiles fit, files fail by name and nothing is written."""
    ended = bench.upscale(prelude=network(OUT_OF_MEMORY))
    bench.expect_code(ended, 1)
    bench.expect_said(ended, "out of memory")
    bench.expect_nothing()
    return "every file fails with the reason"


def not_finite_in_half(bench: Bench) -> str:
    """A tile that overflows in half precision is redone in float32, and it is said."""
    body = "out = sr()\n    return out * float('nan') if torch.is_autocast_enabled('cpu') else out"
    ended = bench.upscale("--precision", "bf16", prelude=BF16 + network(body))
    bench.expect_code(ended, 0)
    bench.expect_said(ended, "redone in fp32")
    bench.expect_status(ended, a="done", b="done", c="done")
    return "redone in float32, said"


def not_finite(bench: Bench) -> str:
    """One tile with one value that is no number fails its file, and no other."""
    body = "out = sr()\n    if max(lr.shape[-2:]) > 64: out[0, 0, 5, 5] = float('inf')\n    return out"
    ended = bench.upscale(*FP32, prelude=network(body))
    bench.expect_code(ended, 3)
    bench.expect_said(ended, "not finite")
    bench.expect_status(ended, a="done", b="failed", c="done")
    bench.expect_whole(*FP32, missing=("b_x2.png",))
    return "the file fails with the reason, others are done"


def constant(bench: Bench) -> str:
    """A tile of one value where the input has many fails its file."""
    body = "out = sr()\n    return torch.full_like(out, 0.5) if max(lr.shape[-2:]) > 64 else out"
    return _wrong_tile(bench, body)


def out_of_range(bench: Bench) -> str:
    """A tile far out of range fails its file: clipped, it would look like a picture."""
    body = "out = sr()\n    return out * 1000 if max(lr.shape[-2:]) > 64 else out"
    return _wrong_tile(bench, body)


def misplaced(bench: Bench) -> str:
    """A tile with another tile's content fails its file: reduced again, the result is not the input."""
    body = "out = sr()\n    return out.flip(-1, -2) if max(lr.shape[-2:]) > 64 else out"
    return _wrong_tile(bench, body)


def _wrong_tile(bench: Bench, body: str) -> str:
    ended = bench.upscale(*FP32, prelude=network(body))
    bench.expect_code(ended, 3)
    bench.expect_status(ended, a="done", b="failed", c="done")
    bench.expect_whole(*FP32, missing=("b_x2.png",))
    return "the file fails with the reason, others are done"


def lost_decoder(bench: Bench) -> str:
    """A decoder that is killed costs at most the file that it had, which is named; the rest is done."""
    reference = bench.reference()
    killed = 0
    for attempt in range(8):
        begun, out = time.monotonic(), bench.folder / f"out{attempt}"
        process = start("upscale", bench.source, "-o", out, "--scale", 2, "--json")
        if attempt % 2:  # while it works, else while it starts
            wait_for_output(process, out, 60)
        killed += _kill_decoders(process.pid, lambda p=process: helpers(p), 0.05 * attempt)
        ended = bench.seen(finish(process, begun))
        bench.expect(ended.code in (0, 3), f"exit {ended.code}: {ended}")
        for name, outcome in ended.outcomes.items():
            if outcome["status"] == "done":
                place = bench.folder / f"out{attempt}" / f"{name[0]}_x2.png"
                bench.expect(place.read_bytes() == reference[place.name], f"{place.name} is another one")
            else:
                bench.expect(outcome["error"]["message"], f"{name} failed without a reason")
        kill_group(process)
    if not killed:
        raise NotHere("this version decodes in its own process")
    return f"{killed} decoders killed; the file in hand is done by another or fails with the reason"


def _kill_decoders(parent: int, members: object, delay: float) -> int:
    """Kill the last process that a run has started, `delay` seconds after it appears."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            os.kill(parent, 0)
            if found := members():  # type: ignore[operator]
                time.sleep(delay)
                os.kill(found[-1], signal.SIGKILL)
                return 1
        if not os.path.exists(f"/proc/{parent}") or _is_over(parent):  # noqa: PTH110
            return 0
        time.sleep(0.005)
    return 0


def _is_over(pid: int) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] == "Z"
    return True


CLOCK = """
import time
_time, _jumps = time.time, [0]
def _back():
    _jumps[0] += 1
    return _time() - 10**7 * _jumps[0]
time.time = _back
_ns = time.time_ns
time.time_ns = lambda: _ns() - 10**16
"""


def clock_jump(bench: Bench) -> str:
    """A clock that runs backwards changes no byte, and no file is done again or left out."""
    ended = bench.upscale(prelude=CLOCK)
    bench.expect_code(ended, 0)
    bench.expect_status(ended, a="done", b="done", c="done")
    bench.expect(all(outcome["seconds"] >= 0 for outcome in ended.outcomes.values()), "negative times")
    bench.expect_whole()
    for name in ("a.png", "c.png"):
        os.utime(bench.source / name, (4e9, 4e9))  # the year 2096
    again = bench.upscale("--skip-existing", prelude=CLOCK)
    bench.expect_status(again, a="skipped", b="skipped", c="skipped")
    return "the same bytes, nothing redone"
