"""`python -m tests.tools.torture.fuzz_worker KIND SEED FIRST LAST STEP FOLDER`: a process that meets damaged files.

Pictures go through a decoder in a process of its own, as in the command line, whose memory is watched as well.
It says on stdout, a JSON object a line, what went wrong and how often what happened; the case at hand stands in the
file `at`, so that whoever watches knows what a crash or a hang was about.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from nlsr_cli.errors import NlsrError
from nlsr_cli.isolation.decoder import Decoder
from tests.tools.torture.cells import ENDINGS, Cell, cells
from tests.tools.torture.command import UNFORESEEN
from tests.tools.torture.mutate import mutated

MAX_PIXELS = 4_000_000  # what the pictures may have; their files are small, so that more would be the fault's doing
SECONDS = 20.0  # that a decoder gets for a file, beside what its size adds
MEMORY = {"pictures": 400 << 20, "checkpoints": 600 << 20}  # bytes above what the process needs before the first case
ADDRESS_SPACE = 12 << 30  # bytes after which the system itself says no
SLOW = 8.0  # seconds
# What is said of a file whose decoder had to be given up. That this happens is what decoders are kept apart for, and
# each is listed all the same.
CONTAINED = re.compile(r"its decoder (crashed|was killed|took longer|gave an answer)")


@lru_cache(maxsize=1)
def corpus() -> list[Cell]:
    """Return the sound files that are damaged: all of the matrix."""
    return list(cells())


def picture_case(seed: int, number: int) -> tuple[str, str, bytes]:
    """Return the name of a damaged picture file, its damage, and its bytes: the same for the same numbers."""
    rng = random.Random(f"{seed}-{number}")
    cell = rng.choice(corpus())
    alike = [each for each in corpus() if each.format == cell.format]
    other = rng.choice(alike if rng.random() < 0.8 else corpus()).data
    damage, data = mutated(cell.data, rng, other)
    if rng.random() < 0.25 and data:
        more, data = mutated(data, rng, other)
        damage = f"{damage}, {more}"
    return f"case{ENDINGS[cell.format.split()[0]]}", f"{cell}: {damage}", data


def checkpoint_case(seed: int, number: int, canary: Path) -> Any:
    """Return a damaged checkpoint: the same for the same numbers."""
    from tests.tools.torture.weights import checkpoint

    return checkpoint(random.Random(f"{seed}-{number}"), canary)


class Worker:
    """Meets one case after the other, and tells."""

    def __init__(self, kind: str, seed: int, folder: Path) -> None:
        self._kind, self._seed, self._folder = kind, seed, folder
        self._meet: Callable[[int], Iterator[str]] = {"pictures": self._picture, "checkpoints": self._checkpoint}[kind]
        self._counts: Counter[str] = Counter()
        self._canary = folder / "canary"
        self._noise = os.fstat(2).st_size
        self._decoder = Decoder(seconds=SECONDS)

    def work(self, numbers: range) -> None:
        """Meet all cases."""
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        self._one(-1)  # whatever is loaded late is loaded now
        bases = self._peaks()
        with (self._folder / "at").open("w+") as at:
            for number in numbers:
                at.seek(0)
                at.write(f"{number:10}")
                at.flush()
                for pid in self._processes():
                    reset_peak(pid)
                start = time.monotonic()
                self._one(number)
                more = [now - base for now, base in zip(self._peaks(), bases, strict=True)]
                self._check(number, time.monotonic() - start, max(more))
        self._decoder.close()
        self._tell(done=dict(self._counts))

    def _processes(self) -> tuple[int, ...]:
        """Return those that meet the files: this one, and the decoder of pictures."""
        return (os.getpid(), self._decoder.start().pid) if self._kind == "pictures" else (os.getpid(),)

    def _peaks(self) -> list[int]:
        return [peak(pid) for pid in self._processes()]

    def _one(self, number: int) -> None:
        try:
            for outcome in self._meet(number):
                self._counts[outcome] += 1
        except NlsrError as error:
            self._counts["refused"] += 1
            if UNFORESEEN.search(error.message):  # what the decoder makes of an exception that nobody thought of
                self._tell(number, "a traceback", error.message)
            if CONTAINED.search(error.message):
                self._counts["decoders lost"] += 1
                self._tell(number, "contained", error.message)
            for text in (error.message, error.hint):
                if not text.isprintable() or len(text) > 1000:
                    self._tell(number, "an unprintable message", repr(text)[:500])
        except Exception:  # noqa: BLE001 - this is what is looked for
            self._tell(number, "a traceback", traceback.format_exc()[-1500:])

    def _check(self, number: int, seconds: float, more: int) -> None:
        self._counts["slowest ms"] = max(self._counts["slowest ms"], round(seconds * 1000))
        self._counts["most MiB"] = max(self._counts["most MiB"], more >> 20)
        if seconds > SLOW:
            self._tell(number, "slow", f"{seconds:.1f} s")
        if more > MEMORY[self._kind]:
            self._tell(number, "too much memory", f"{more >> 20} MiB")
        if self._canary.exists():
            self._tell(number, "executed code", "the canary is there")
            self._canary.unlink()
        if (size := os.fstat(2).st_size) != self._noise:
            os.lseek(2, self._noise, os.SEEK_SET)
            with suppress(OSError):
                self._tell(number, "noise on the screen", os.pread(2, 300, self._noise).decode("latin-1"))
            self._noise = size
            os.lseek(2, size, os.SEEK_SET)

    def _picture(self, number: int) -> Iterator[str]:
        from nlsr_cli.batch.planning import plan_batch
        from nlsr_cli.images import encode_any, inspect_picture
        from nlsr_cli.images.formats import WRITABLE, writing_of
        from nlsr_cli.options import EncodeOptions, OutputOptions, SizeOptions, UpscaleOptions
        from nlsr_cli.upscaling.route import Aim

        name, _, data = picture_case(self._seed, number)
        path = self._folder / name
        path.write_bytes(data)
        with suppress(NlsrError):  # `nlsr inspect` reads no pixels, and may know more files than can be decoded
            inspect_picture(path, max_pixels=MAX_PIXELS)
            yield "inspected"
        aim, output = Aim(SizeOptions(scale=2), (2, 3, 4)), OutputOptions(target=f"{self._folder}/out/")
        (job,) = plan_batch([path], output, UpscaleOptions(max_pixels=MAX_PIXELS), aim=aim, decoder=self._decoder).jobs
        if job.error is not None and number % 4:
            yield "refused by the plan"
            raise job.error
        picture = self._decoder.read(path, max_pixels=MAX_PIXELS, whole=number % 5 != 0).picture
        yield "read"
        if number % 3 == 0:
            targets = sorted(name for name in WRITABLE if not writing_of(name).tiled)
            target = targets[number // 3 % len(targets)]
            written, _ = encode_any(picture, format=target, options=EncodeOptions(), name="case")
            again = self._decoder.read(written, name="case", max_pixels=MAX_PIXELS, whole=True).picture
            if (again.height, again.width) != (picture.height, picture.width):
                raise AssertionError(f"written as {target} and read again it is of another size")
            yield "written"

    def _checkpoint(self, number: int) -> Iterator[str]:
        import numpy as np

        from nlsr_cli.options import ComputeOptions, TileOptions
        from nlsr_cli.upscaling.enlarger import Enlarger
        from nlsr_cli.zoo import resolve
        from nlsr_cli.zoo.checkpoint import load_model
        from nlsr_cli.zoo.convert import convert

        case = checkpoint_case(self._seed, number, self._canary)
        place = self._folder / "model"
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        for name, data in case.files.items():
            (place / name).write_bytes(data)
        target = str(place)
        if case.pickled:
            target = str(convert(place / case.pickled, self._folder / "converted", overwrite=True))
            yield "converted"
        model = load_model(resolve(target, None))
        yield "loaded"
        pixels = np.arange(12 * 14 * 3, dtype=np.uint8).reshape(12, 14, 3)
        Enlarger(model, compute=ComputeOptions("cpu", "fp32"), tile=TileOptions(0)).enlarge(pixels)
        yield "run"

    def _tell(self, number: int | None = None, problem: str = "", detail: str = "", **more: object) -> None:
        line = {"number": number, "problem": problem, "detail": detail, **more}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def peak(pid: int) -> int:
    """Return the most bytes of memory that a process has held since `reset_peak`, 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def reset_peak(pid: int) -> None:
    """Begin to measure a process again (proc(5), clear_refs)."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def main() -> None:
    """Work as told by the command line."""
    kind, *numbers, folder = sys.argv[1:]
    seed, first, last, step = map(int, numbers)
    Worker(kind, seed, Path(folder)).work(range(first, last, step))


if __name__ == "__main__":
    main()
