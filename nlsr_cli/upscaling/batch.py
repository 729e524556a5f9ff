"""Many files: each read, enlarged and written on its own, each with an outcome, whatever happens to the others."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING

from nlsr_cli.errors import DestinationClash, ImageReadError, ImageWriteError, NlsrError
from nlsr_cli.images import (
    FILMS,
    Animation,
    check_inside,
    check_size,
    check_space,
    encode_any,
    read_any,
    read_picture,
    read_stream,
    write_any,
)
from nlsr_cli.images.loading import digest, load
from nlsr_cli.options import STREAM
from nlsr_cli.upscaling.outcome import Outcome, as_ours
from nlsr_cli.upscaling.planning import BatchPlan, Job, kept_format
from nlsr_cli.upscaling.resume import EXISTS, Keeper, Verdict
from nlsr_cli.upscaling.sources import mode_of

if TYPE_CHECKING:
    from nlsr_cli.images import Picture
    from nlsr_cli.options import EncodeOptions
    from nlsr_cli.upscaling.rows import Rows
    from nlsr_cli.upscaling.upscaler import Enlarged, OnTile, Upscaler


@dataclass
class _Task:
    """A job on its way from a picture to a file. Its first error ends it; `seconds` are those spent on it alone.

    `content` is the SHA-256 of the bytes that were decoded; `rows` is where finished rows of a large picture are kept.
    """

    job: Job
    verdict: Verdict = field(default_factory=Verdict)
    content: str = ""
    rows: Rows | None = None
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

    @property
    def has_work(self) -> bool:
        """Tell whether there is a picture that is to be enlarged."""
        return self.error is None and self.verdict.action != "skip"


class Batch:
    """Runs a plan with one upscaler.

    Args:
        plan: the jobs.
        upscaler: called once, when the first picture needs it, so that a plan without work loads no network.
        encode: how outputs are encoded.
        overwrite: whether an output that exists is replaced; without it, one that appears meanwhile is kept too.
        max_pixels: the largest input, in pixels.
        keeper: says what is done already, and enters what is done; None knows and keeps nothing.
    """

    def __init__(
        self,
        plan: BatchPlan,
        upscaler: Callable[[], Upscaler],
        *,
        encode: EncodeOptions,
        overwrite: bool,
        max_pixels: int,
        keeper: Keeper | None = None,
    ) -> None:
        self.plan = plan
        self._make_upscaler = upscaler
        self._upscaler: Upscaler | None = None
        self._encode = encode
        self._overwrite = overwrite
        self._max_pixels = max_pixels
        self._keeper = keeper
        self._rows: Rows | None = None

    @property
    def rows_kept(self) -> int:
        """Return how many finished rows of the picture that is being computed are on the disk."""
        return self._rows.kept if self._rows is not None else 0

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

    def foresee(self, job: Job) -> tuple[Verdict, NlsrError | None]:
        """Say what would become of a job by what is there now, and what would be wrong with it."""
        if job.error is not None or job.skip:
            return Verdict("skip", EXISTS) if job.skip else Verdict(), job.error
        task = _Task(job)
        if self._keeper is not None and _may_be_read_ahead(job):
            with task.stage():
                task.verdict = self._keeper.look(job, lambda: digest(job.source, _label(job)))
        return task.verdict, task.error

    def run(self, *, on_start: Callable[[Job], None] | None = None, on_tile: OnTile | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job: first those decided by the plan, then the others in order.

        While the network has a picture, the next one is read and the last one is written. Only errors of single files
        become outcomes. What would fail for every file alike, a model that does not load, is raised.
        """
        if self._keeper is not None and (self.plan.sources.from_many or self._keeper.decides_late):
            self._keeper.clean()
        yield from _decided(self.plan)
        try:
            yield from self._work(on_start or _ignore, on_tile or _ignore)
        finally:
            if self._rows is not None:
                self._rows.close()

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

    def _tasks(self, reader: ThreadPoolExecutor, on_start: Callable[[Job], None]) -> Iterator[_Task]:
        """Yield the jobs with work, in order, with their pictures; that of the next one is read meanwhile."""
        ahead: Future[_Task] | None = None
        late = self._keeper is not None and self._keeper.decides_late
        if late and self._keeper is not None:
            _ = self._keeper.identity.settings  # what this machine lacks, it lacks for every file
        for job, following in zip_longest(self.plan.work, self.plan.work[1:]):
            if not late or job.header is None:
                _ = self.upscaler  # before the first picture, because a model that does not load is no file's own error
            task = self._read(job) if ahead is None else ahead.result()
            ahead = reader.submit(self._read, following) if following and _may_be_read_ahead(following) else None
            self._look_again(task)
            if task.has_work:
                _ = self.upscaler
                on_start(job)
            yield task

    def _read(self, job: Job) -> _Task:
        task = _Task(job)
        with task.stage():
            held = None if _may_be_read_ahead(job) else self._bytes_of(job)
            if self._keeper is not None:
                task.verdict = self._keeper.look(job, lambda: digest(job.source if held is None else held, _label(job)))
            if task.has_work:
                self._decode(task, self._bytes_of(job) if held is None else held)
        return task

    def _decode(self, task: _Task, data: bytes) -> None:
        job = task.job
        read = read_any if job.format in ("", *FILMS) else read_picture  # of others only one frame is written
        task.picture = read(data, name=_label(job), max_pixels=self._max_pixels)
        if job.header is None:  # a stream: the sizes of files were checked by the plan
            route = self.upscaler.route(task.picture.height, task.picture.width)
            check_size(_format(task), *route.size, job.target)
        if self._keeper is not None and job.target is not STREAM:
            task.content = digest(data, _label(job))
            if not isinstance(task.picture, Animation):  # of which frames are small, and many
                task.rows = self._keeper.rows(job, task.content)

    def _look_again(self, task: _Task) -> None:
        """See whether another process has done a job since it was read."""
        if self._keeper is not None and task.has_work:
            with task.stage():
                task.verdict = self._keeper.look_again(task.job, task.verdict, lambda: task.content)

    def _enlarge(self, task: _Task) -> Iterator[tuple[int, int]]:
        """Yield the numbers of tiles done and in all, tile by tile."""
        if task.picture is None or not task.has_work:
            return
        self._rows = task.rows
        steps: Iterator[tuple[int, int]] = iter(())
        with task.stage():
            self._check_place(task)
            steps = self._steps(task.picture, task.rows)
        while task.error is None and task.enlarged is None:
            step = None
            with task.stage():
                try:
                    step = next(steps)
                except StopIteration as finished:
                    task.enlarged = finished.value
            if step is not None:
                yield step

    def _steps(self, picture: Picture | Animation, rows: Rows | None) -> Iterator[tuple[int, int]]:
        if isinstance(picture, Animation):
            from nlsr_cli.upscaling.film import frame_steps  # which needs torch, and that is there by now

            return frame_steps(self.upscaler, picture)
        return self.upscaler.steps(picture) if rows is None else self.upscaler.steps(picture, rows)

    def _check_place(self, task: _Task) -> None:
        """Look for room and links once more: what came before may have taken it since the plan was made."""
        if task.job.root is not None:  # finished rows of a large picture go there before it does
            check_inside(task.job.target, task.job.root)
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
                notes = self._write(task, task.enlarged)
        _let_go_of_rows(task)
        picture, enlarged = task.picture, task.enlarged
        if task.error is None and task.verdict.action == "skip":
            reason = task.verdict.reason
            return Outcome(task.job.source, task.job.target, "skipped", seconds=task.seconds, reason=reason)
        if task.error is not None or picture is None or enlarged is None:
            return Outcome(task.job.source, None, "failed", seconds=task.seconds, error=task.error)
        again = (f"The output was there and is made again: {task.verdict.reason}.",) if task.verdict.reason else ()
        told = (*again, *picture.notes, *enlarged.events, *notes, *self._choices(picture, _format(task)))
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
            resumed_rows=enlarged.resumed_rows,
            notes=tuple(dict.fromkeys(told)),
        )

    def _bytes_of(self, job: Job) -> bytes:
        """Return the content of an input."""
        if job.source is not STREAM:
            return load(job.source, _label(job), self._max_pixels)[0]
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

    def _write(self, task: _Task, enlarged: Enlarged) -> tuple[str, ...]:
        target, format_ = task.job.target, _format(task)
        root = task.job.root
        content: Picture | Animation = getattr(enlarged, "animation", enlarged.picture)
        if target is not STREAM:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise ImageWriteError(target.parent, f"the folder cannot be made: {exc.strerror}") from exc
            if root is not None:  # a link may have been planted since the plan was made
                check_inside(target, root)
            if self._keeper is not None:
                return self._keep(self._keeper, task, content)
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

    def _keep(self, keeper: Keeper, task: _Task, content: Picture | Animation) -> tuple[str, ...]:
        """Store an output, and enter it in the ledger."""
        job = task.job
        data, notes = encode_any(content, format=_format(task), options=self._encode, name=str(job.target))
        try:
            task.verdict, told = keeper.store(job, task.verdict, task.content, data)
        except ImageWriteError:
            if task.rows is None or not task.rows.kept:
                raise
            task.rows.discard()  # they may be what fills the disk, and the picture is computed
            task.verdict, told = keeper.store(job, task.verdict, task.content, data)
        return (*notes, *told)


def _let_go_of_rows(task: _Task) -> None:
    """Remove the finished rows of a job that needs them no more; what could not be written is there for the next call.

    Rows of a picture that failed otherwise go too: what was wrong with it may be in them.
    """
    if task.rows is None:
        return
    if isinstance(task.error, (ImageWriteError, DestinationClash)):
        task.rows.close()
    else:
        task.rows.discard()


def _decided(plan: BatchPlan) -> Iterator[Outcome]:
    """Yield the outcomes of the jobs that need no work."""
    for job in plan.jobs:
        if job.error is not None:
            yield Outcome(job.source, None, "failed", error=job.error)
        elif job.skip:
            yield Outcome(job.source, job.target, "skipped", reason=EXISTS)


def _ignore(*_: object) -> None:
    """Stand in for a caller who wants to know nothing in between."""


def _format(task: _Task) -> str:
    """Return the format of the output: asked for, or that of the picture."""
    if task.job.format or task.picture is None:
        return task.job.format
    frames = len(task.picture.frames) if isinstance(task.picture, Animation) else 1
    return kept_format(task.picture.metadata.format, frames)


def _label(job: Job) -> str:
    """Return what messages call an input."""
    return "standard input" if job.source is STREAM else str(job.source)


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
