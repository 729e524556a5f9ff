"""Books: their pages are a batch of their own, and what came of them is bound in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlsr_cli.batch.book import Book, none_readable
from nlsr_cli.batch.comic import ComicBook
from nlsr_cli.batch.intake import content_of
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.outcome import Outcome, Pages
from nlsr_cli.batch.paged import PagedTiff
from nlsr_cli.batch.planning import BatchPlan
from nlsr_cli.batch.resume import Keeper
from nlsr_cli.batch.task import Task
from nlsr_cli.batch.workplace import Workplace, workplace_of
from nlsr_cli.errors import DestinationClash, ImageReadError, ImageWriteError, NlsrError, ResultRejected
from nlsr_cli.storing import HINTS, Pieces, pour

if TYPE_CHECKING:
    from collections.abc import Generator

    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.upscaling.progress import OnTile

RunPages = Callable[[BatchPlan, Keeper | None, "OnTile"], "Generator[Outcome]"]
_NAMED = 3  # pages that a note names


@dataclass(frozen=True)
class _Bound:
    """What came of a book: its pages by their names, and what is to be said."""

    outcomes: Mapping[str, Outcome]
    kept: tuple[tuple[str, NlsrError], ...]
    notes: tuple[str, ...]


class Bookbinder:
    """Makes books of their enlarged pages.

    Args:
        run: runs the jobs of pages.
        keeper: says what is done already, and enters what is done; None knows and keeps nothing.
        decoder: what reads the headers of pages.
    """

    def __init__(self, run: RunPages, keeper: Keeper | None, decoder: Decoder) -> None:
        self._run = run
        self._keeper = keeper
        self._decoder = decoder

    def look(self, job: Job) -> Task:
        """Return the task of a book, which says whether there is work."""
        task = Task(job)
        with task.stage():
            task.content = content_of(job)
            if self._keeper is not None:
                task.verdict = self._keeper.look(job, lambda: task.content)
        return task

    def make(self, task: Task, on_tile: OnTile) -> Outcome:
        """Enlarge the pages of a book, bind them, and say what became of it."""
        bound = None
        with task.stage():
            if task.has_work:
                bound = self._made(task, on_tile)
        job, source = task.job, task.job.source
        if task.error is not None:
            return Outcome(source.path, None, "failed", name=source.name, seconds=task.seconds, error=task.error)
        if bound is None or task.verdict.action == "skip":
            why = task.verdict.reason
            return Outcome(source.path, job.sink.path, "skipped", name=source.name, seconds=task.seconds, reason=why)
        made = [each for each in bound.outcomes.values() if each.output is not None]
        again = (f"The output existed and is made again: {task.verdict.reason}.",) if task.verdict.reason else ()
        return Outcome(
            source.path,
            job.sink.path,
            "done",
            name=source.name,
            pages=Pages(len(bound.outcomes), len(made), bound.kept),
            seconds=task.seconds,
            tiles=sum(each.tiles for each in made),
            precision=next((each.precision for each in made if each.precision), None),
            ensemble=job.options.ensemble,
            stages=tuple(dict.fromkeys(stage for each in made for stage in each.stages)),
            resumed_rows=sum(each.resumed_rows for each in made),
            notes=(*again, *bound.notes),
        )

    def _made(self, task: Task, on_tile: OnTile) -> _Bound:
        job = task.job
        try:
            with _opened(task, self._decoder) as book:
                job.sink.prepare(replace=self._keeper is not None)
                with workplace_of(job.sink) as workplace:
                    return self._finished(task, book, workplace, on_tile)
        except OSError as exc:
            reason = f"its pages cannot be kept: {(exc.strerror or str(exc)).lower()}"
            raise ImageWriteError(job.sink.name, reason, HINTS.get(exc.errno or 0, "")) from exc

    def _finished(self, task: Task, book: Book, workplace: Workplace, on_tile: OnTile) -> _Bound:
        outcomes = self._enlarged(task, book, workplace, on_tile)
        kept = tuple((page, each.error) for page, each in outcomes.items() if each.error is not None)
        if kept and (len(kept) == len(book.pages) or not book.keeps):
            raise _unbound(task.job, outcomes, kept)
        told = {page: workplace.notes(each.output) or () for page, each in outcomes.items() if each.output}
        notes = *_told(told), *self._store(task, book.bound(outcomes))
        workplace.discard()
        return _Bound(outcomes, kept, notes)

    def _enlarged(self, task: Task, book: Book, workplace: Workplace, on_tile: OnTile) -> dict[str, Outcome]:
        """Return what became of each page, in their order.

        Raises:
            NlsrError: a page failed, and not for what is wrong with the page itself.
        """
        job = task.job
        jobs = {
            page: Job(source, workplace.sink(number, overwrite=self._keeper is None), job.format, options=job.options)
            for number, (page, source) in enumerate(book.pages.items())
        }
        plan = BatchPlan(tuple(jobs.values()))
        keeper = None
        if self._keeper is not None:
            keeper = Keeper(self._keeper.identity, existing="resume", ledger=True, jobs=plan.jobs)
        found: dict[str, Outcome] = {}

        def on_page_tile(done: int, total: int) -> None:
            on_tile(len(found) * total + done, len(jobs) * total)

        with closing(self._run(plan, keeper, on_page_tile)) as outcomes:
            for outcome in outcomes:
                if outcome.error is not None and not isinstance(outcome.error, (ImageReadError, ResultRejected)):
                    raise _failure(outcome.name, outcome.error, job, workplace)
                found[outcome.name] = outcome
                if outcome.status == "done" and outcome.output is not None:
                    workplace.keep_notes(outcome.output, outcome.notes)
        return {page: found[each.source.name] for page, each in jobs.items()}

    def _store(self, task: Task, pieces: Pieces) -> tuple[str, ...]:
        """Give the book its name, unless it changed while its pages were read, or another process was faster."""
        job = task.job
        if content_of(job) != task.content:
            raise ImageReadError(
                job.source.path, "changed while its pages were enlarged", "Run the same command again."
            )
        if self._keeper is None:
            with job.sink.begin() as part:
                notes = pour(pieces, part)
                part.commit()
            return notes
        task.verdict = self._keeper.look_again(job, task.verdict, lambda: task.content)
        if task.verdict.action == "skip":
            return ()
        task.verdict, told = self._keeper.store(job, task.verdict, task.content, pieces)
        return told


def _opened(task: Task, decoder: Decoder) -> Book:
    job = task.job
    tiff = job.book is not None and job.book.kind == "TIFF"
    return PagedTiff(job, task.content) if tiff else ComicBook(job, decoder)


def _unbound(job: Job, outcomes: Mapping[str, Outcome], kept: Sequence[tuple[str, NlsrError]]) -> ImageReadError:
    """Return the error of a book that cannot do without some of its pages."""
    if len(kept) == len(outcomes):
        return none_readable(job.source.path, len(kept), kept[0][1])
    sound = next(number for number, each in enumerate(outcomes.values(), 1) if each.error is None)
    reason = f"{len(kept)} of its {len(outcomes)} pages cannot be enlarged; the first: {kept[0][1].message}"
    return ImageReadError(job.source.path, reason, f"The others can be had one by one, for example: --page {sound}")


def _failure(page: str, error: NlsrError, job: Job, workplace: Workplace) -> NlsrError:
    """Return the error of a book for that of a page, which may name the hidden place where the page was to go."""
    if isinstance(error, DestinationClash):  # what stands there is not what the ledger there says
        workplace.discard()
        reason = "the finished pages of an earlier call are damaged and were removed"
        return ImageWriteError(job.source.path, reason, "Run the same command again.")
    return ImageWriteError(page, error.reason, error.hint) if isinstance(error, ImageWriteError) else error


def _told(notes: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield each note once, with the pages that it is about."""
    pages: dict[str, list[str]] = {}
    for page, told in notes.items():
        for note in told:
            pages.setdefault(note, []).append(page)
    for note, about in pages.items():
        more = f" and {len(about) - _NAMED} more pages" if len(about) > _NAMED else ""
        yield f"{', '.join(about[:_NAMED])}{more}: {note}"
