"""Many files: each read, enlarged and written on its own, each with an outcome, whatever happens to the others."""

from __future__ import annotations

import hashlib
import stat
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING

from nlsr_cli.errors import ImageReadError, ImageWriteError, NlsrError
from nlsr_cli.images import (
    FILMS,
    Animation,
    check_inside,
    check_picture,
    check_size,
    check_space,
    encode_any,
    read_stream,
    write_any,
)
from nlsr_cli.images.loading import load
from nlsr_cli.options import STREAM
from nlsr_cli.upscaling.decoding import Decoder
from nlsr_cli.upscaling.outcome import Outcome, as_ours
from nlsr_cli.upscaling.planning import BatchPlan, Job, kept_format
from nlsr_cli.upscaling.sources import mode_of

if TYPE_CHECKING:
    from nlsr_cli.images import Picture
    from nlsr_cli.options import EncodeOptions
    from nlsr_cli.upscaling.facts import Stamp
    from nlsr_cli.upscaling.upscaler import Enlarged, OnTile, Upscaler


@dataclass
class _Task:
    """A job on its way from a picture to a file. Its first error ends it; `seconds` are those spent on it alone."""

    job: Job
    content: str = ""  # the SHA-256 of the bytes that were decoded
    picture: Picture | Animation | None = None
    enlarged: Enlarged | None = None
    error: NlsrError | None = None
    seconds: float = 0.0

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Time what is inside, and keep its error: a bug met by one picture must not lose the rest of the folder."""
        start = time.perf_counter()
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - see above
            self.error = as_ours(exc, self.job.source)
        finally:
            self.seconds += time.perf_counter() - start


class Batch:
    """Runs a plan with one upscaler.

    Args:
        plan: the jobs.
        upscaler: called once, when the first picture needs it, so that a plan without work loads no network.
        encode: how outputs are encoded.
        overwrite: whether an output that exists is replaced; without it, one that appears meanwhile is kept too.
        max_pixels: the largest input, in pixels.
        decoder: what reads the pictures; one of its own, if none is given. It is closed when the run ends.
        stamp: puts into outputs how they were made; None says nothing of it.
    """

    def __init__(
        self,
        plan: BatchPlan,
        upscaler: Callable[[], Upscaler],
        *,
        encode: EncodeOptions,
        overwrite: bool,
        max_pixels: int,
        decoder: Decoder | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        self.plan = plan
        self._make_upscaler = upscaler
        self._upscaler: Upscaler | None = None
        self._encode = encode
        self._overwrite = overwrite
        self._max_pixels = max_pixels
        self._decoder = decoder or Decoder()
        self._stamp = stamp

    @property
    def upscaler(self) -> Upscaler:
        """Return the upscaler, which is made when it is first asked for.

        Raises:
            ModelError: the model does not load.
            OptionError: this machine lacks the device, or the device lacks the precision.
        """
        if self._upscaler is None:
            upscaler = self._make_upscaler()
            upscaler.load(self.plan.scales)
            self._upscaler = upscaler
        return self._upscaler

    def close(self) -> None:
        """End the process that decodes pictures, where a batch is planned and not run."""
        self._decoder.close()

    def run(self, *, on_start: Callable[[Job], None] | None = None, on_tile: OnTile | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job: first those decided by the plan, then the others in order.

        While the network has a picture, the next one is read and the last one is written. Only errors of single files
        become outcomes. What would fail for every file alike, a model that does not load, is raised.
        """
        try:
            yield from _decided(self.plan)
            yield from self._work(on_start or _ignore, on_tile or _ignore)
        finally:
            self.close()

    def _work(self, on_start: Callable[[Job], None], on_tile: OnTile) -> Iterator[Outcome]:
        writing: Future[Outcome] | None = None
        with _helper("nlsr-read") as reader, _helper("nlsr-write") as writer:
            try:
                for task in self._tasks(reader, on_start):
                    for done, total in self._enlarge(task):
                        on_tile(done, total)
                        if writing is not None and writing.done():
                            yield writing.result()
                            writing = None
                    if writing is not None:
                        yield writing.result()
                    writing = writer.submit(self._finish, task)
                if writing is not None:
                    yield writing.result()
            except KeyboardInterrupt:
                if writing is not None:  # it is computed and will be written, so it counts
                    yield writing.result()
                raise
            finally:
                self._decoder.close()  # or the helper would wait for a file that nobody wants any more

    def _tasks(self, reader: ThreadPoolExecutor, on_start: Callable[[Job], None]) -> Iterator[_Task]:
        """Yield the jobs with work, in order, with their pictures; that of the next one is read meanwhile."""
        ahead: Future[_Task] | None = None
        for job, following in zip_longest(self.plan.work, self.plan.work[1:]):
            _ = self.upscaler  # before the first picture, because a model that does not load is no file's own error
            on_start(job)
            task = self._read(job) if ahead is None else ahead.result()
            ahead = reader.submit(self._read, following) if following and _may_be_read_ahead(following) else None
            yield task

    def _read(self, job: Job) -> _Task:
        task = _Task(job)
        with task.stage():
            stream = job.source is STREAM
            label = "standard input" if stream else str(job.source)
            data = self._read_standard_input() if stream else load(job.source, label, self._max_pixels)[0]
            task.content = hashlib.sha256(data).hexdigest()
            task.picture = self._decoder.read(
                data,
                name=label,
                max_pixels=self._max_pixels,
                pixels=header.height * header.width * header.frames if (header := job.header) else None,
                whole=job.format in ("", *FILMS),  # of other formats only one frame is written
            )
            check_picture(task.picture, _format(task), job.target)
            if job.header is None:  # a stream: the sizes of files were checked by the plan
                route = self.upscaler.route(task.picture.height, task.picture.width)
                check_size(_format(task), *route.size, job.target)
        return task

    def _enlarge(self, task: _Task) -> Iterator[tuple[int, int]]:
        """Yield the numbers of tiles done and in all, tile by tile."""
        if task.picture is None or task.error is not None:
            return
        steps: Iterator[tuple[int, int]] = iter(())
        with task.stage():
            self._check_space(task)
            steps = self._steps(task.picture)
        while task.error is None and task.enlarged is None:
            step = None
            with task.stage():
                try:
                    step = next(steps)
                except StopIteration as finished:
                    task.enlarged = finished.value
            if step is not None:
                yield step

    def _steps(self, picture: Picture | Animation) -> Iterator[tuple[int, int]]:
        if isinstance(picture, Animation):
            from nlsr_cli.upscaling.film import frame_steps  # which needs torch, and that is there by now

            return frame_steps(self.upscaler, picture)
        return self.upscaler.steps(picture)

    def _check_space(self, task: _Task) -> None:
        """Look for room on the disk once more: what came before may have taken it since the plan was made."""
        picture = task.picture.frames[0] if isinstance(task.picture, Animation) else task.picture
        if picture is not None and task.job.target is not STREAM:
            size = self.upscaler.route(picture.height, picture.width).size
            samples = prod(size) * picture.color.shape[2] * picture.color.itemsize
            check_space(task.job.target, samples, _format(task))

    def _finish(self, task: _Task) -> Outcome:
        """Write what was enlarged, and say what became of the job."""
        notes: tuple[str, ...] = ()
        with task.stage():
            if task.enlarged is not None:
                made, told = self._stamped(task, task.enlarged)
                notes = (*self._write(task.job, _format(task), made), *told)
        picture, enlarged = task.picture, task.enlarged
        if task.error is not None or picture is None or enlarged is None:
            return Outcome(task.job.source, None, "failed", seconds=task.seconds, error=task.error)
        told = (*picture.notes, *enlarged.events, *notes, *self._choices(picture, _format(task)))
        return Outcome(
            source=task.job.source,
            output=task.job.target,
            status="done",
            input_size=(picture.height, picture.width),
            output_size=(enlarged.picture.height, enlarged.picture.width),
            frames=len(picture.frames) if isinstance(picture, Animation) else 1,
            seconds=task.seconds,
            tiles=enlarged.tiles,
            tile_size=enlarged.tile_size,
            tile_bytes=enlarged.tile_bytes,
            memory=enlarged.memory,
            precision=enlarged.precision,
            ensemble=enlarged.ensemble,
            agreement=enlarged.agreement,
            stages=enlarged.stages,
            notes=tuple(dict.fromkeys(told)),
        )

    def _stamped(self, task: _Task, enlarged: Enlarged) -> tuple[Picture | Animation, tuple[str, ...]]:
        """Return what was made, with how it was made in its metadata if that is wanted, and notes."""
        if self._stamp is None or task.picture is None:
            return getattr(enlarged, "animation", enlarged.picture), ()
        where = self.upscaler.placement.device.type
        return self._stamp.put(task.picture, enlarged, _format(task), content=task.content, device=where)

    def _read_standard_input(self) -> bytes:
        if sys.stdin is None:
            raise ImageReadError("standard input", "is closed")
        return read_stream(sys.stdin.buffer, name="standard input", max_pixels=self._max_pixels)

    def _choices(self, picture: Picture | Animation, format_: str) -> list[str]:
        """Say what the output's format makes of the input's and of `lossless`."""
        notes = []
        if picture.metadata.format == "GIF" and format_ == "PNG" and not isinstance(picture, Animation):
            notes.append("A GIF of one frame becomes a PNG: 256 colours would lose what was made.")
        if self._encode.lossless and format_ in ("JPEG", "AVIF"):
            notes.append(f"{format_} is written with loss, whatever --lossless says.")
        return notes

    def _write(self, job: Job, format_: str, content: Picture | Animation) -> tuple[str, ...]:
        target, root = job.target, job.root
        if target is not STREAM:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise ImageWriteError(target.parent, f"the folder cannot be made: {exc.strerror}") from exc
            if root is not None:  # a link may have been planted since the plan was made
                check_inside(target, root)
            return write_any(content, target, format=format_, options=self._encode, overwrite=self._overwrite)
        data, notes = encode_any(content, format=format_, options=self._encode, name="standard output")
        if sys.stdout is None:
            raise ImageWriteError("standard output", "is closed")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as exc:
            raise ImageWriteError("standard output", f"cannot be written: {exc.strerror}") from exc
        return notes


def _decided(plan: BatchPlan) -> Iterator[Outcome]:
    """Yield the outcomes of the jobs that need no work."""
    for job in plan.jobs:
        if job.error is not None:
            yield Outcome(job.source, None, "failed", error=job.error)
        elif job.skip:
            yield Outcome(job.source, job.target, "skipped", notes=("the output exists already",))


def _ignore(*_: object) -> None:
    """Stand in for a caller who wants to know nothing in between."""


def _format(task: _Task) -> str:
    """Return the format of the output: asked for, or that of the picture."""
    if task.job.format or task.picture is None:
        return task.job.format
    frames = len(task.picture.frames) if isinstance(task.picture, Animation) else 1
    return kept_format(task.picture.metadata.format, frames)


def _may_be_read_ahead(job: Job) -> bool:
    """Tell whether a source ends: a pipe that nobody writes to must not keep a thread, and with it the process."""
    return job.source is not STREAM and stat.S_ISREG(mode_of(job.source))


@contextmanager
def _helper(name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a thread that ends with what it has begun, and does nothing that only waits."""
    helper = ThreadPoolExecutor(1, thread_name_prefix=name)
    try:
        yield helper
    finally:
        helper.shutdown(wait=True, cancel_futures=True)
