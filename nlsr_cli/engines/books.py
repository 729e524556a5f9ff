"""A comic book: its pages are a batch of their own, and what came of them is bound in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from nlsr_cli.batch.book import PageSource, Workplace, none_readable, pages_of, reading_orders
from nlsr_cli.batch.inputs import HEAD_BYTES
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.outcome import Outcome, Pages
from nlsr_cli.batch.planning import BatchPlan
from nlsr_cli.batch.resume import Keeper
from nlsr_cli.batch.source import digest_of
from nlsr_cli.batch.task import Task
from nlsr_cli.books.archive import Archive
from nlsr_cli.books.binding import Replacement, bind
from nlsr_cli.books.comic_info import NAME, Measures, says_sizes, with_sizes
from nlsr_cli.errors import DestinationClash, ImageReadError, ImageWriteError, NlsrError, ResultRejected
from nlsr_cli.images.formats import WRITABLE, format_of, format_of_suffix, writing_of
from nlsr_cli.sizes import MAX_SCALE
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
            task.content = digest_of(job.source.path, job.source.name)
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
        with Archive(job.source.path) as archive:
            archive.verify()
            pages = pages_of(archive)
            job.sink.prepare(replace=self._keeper is not None)
            workplace = Workplace(job.sink.path)
            try:
                outcomes = self._enlarged(job, pages, workplace, on_tile)
                kept = tuple((page, each.error) for page, each in outcomes.items() if each.error is not None)
                if len(kept) == len(pages):
                    raise none_readable(job.source.path, len(pages), kept[0][1])
                told = {page: workplace.notes(each.output) or () for page, each in outcomes.items() if each.output}
                notes = list(_told(told))
                replacements = _replacements(archive, outcomes)
                notes += self._with_comic_info(archive, pages, replacements, job)
                notes += self._store(task, bind(archive, replacements))
                workplace.discard()
            except OSError as exc:
                reason = f"its pages cannot be kept: {(exc.strerror or str(exc)).lower()}"
                raise ImageWriteError(job.sink.path, reason, HINTS.get(exc.errno or 0, "")) from exc
            finally:
                workplace.close()
        return _Bound(outcomes, kept, tuple(notes))

    def _enlarged(self, job: Job, pages: list[str], workplace: Workplace, on_tile: OnTile) -> dict[str, Outcome]:
        """Return what became of each page, in their order.

        Raises:
            NlsrError: a page failed, and not for what is wrong with the page itself.
        """
        jobs = {
            page: Job(
                PageSource(job.source.path, page),
                workplace.sink(number, overwrite=self._keeper is None),
                job.format,
                options=job.options,
            )
            for number, page in enumerate(pages)
        }
        plan = BatchPlan(tuple(jobs.values()))
        keeper = None
        if self._keeper is not None:
            keeper = Keeper(self._keeper.identity, existing="resume", ledger=True, jobs=plan.jobs)
        found: dict[str, Outcome] = {}

        def on_page_tile(done: int, total: int) -> None:
            on_tile(len(found) * total + done, len(pages) * total)

        with closing(self._run(plan, keeper, on_page_tile)) as outcomes:
            for outcome in outcomes:
                if outcome.error is not None and not isinstance(outcome.error, (ImageReadError, ResultRejected)):
                    raise _failure(outcome.name, outcome.error, job, workplace)
                found[outcome.name] = outcome
                if outcome.status == "done" and outcome.output is not None:
                    workplace.keep_notes(outcome.output, outcome.notes)
        return {page: found[each.source.name] for page, each in jobs.items()}

    def _with_comic_info(
        self, archive: Archive, pages: list[str], replacements: dict[str, Replacement], job: Job
    ) -> Iterator[str]:
        """Let the sizes in ComicInfo.xml follow the pages; yield a note where they cannot."""
        name = next((info.filename for info in archive.files if info.filename.lower() == NAME.lower()), None)
        data = archive.read(name) if name is not None else b""
        if name is None or not says_sizes(data):
            return
        before, after = {}, {}
        for page, new in replacements.items():
            before[page] = self._measured(archive.read(page), f"{job.source.name}/{page}", job)
            after[page] = self._measured(new.read(), f"{job.source.name}/{new.name}", job)
        written = with_sizes(data, reading_orders(pages), before, after)
        if written is None:
            yield f"The page sizes in {name} are not those of the pages, so they stay as they were."
        else:
            replacements[name] = Replacement(written, name, compress=True)

    def _measured(self, data: bytes, name: str, job: Job) -> Measures:
        header = self._decoder.probe(data, name=name, max_pixels=job.options.max_pixels * MAX_SCALE**2)
        return Measures(header.width, header.height, len(data))

    def _store(self, task: Task, pieces: Pieces) -> tuple[str, ...]:
        """Give the book its name, unless it changed while its pages were read, or another process was faster."""
        job = task.job
        if digest_of(job.source.path, job.source.name) != task.content:
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


def _failure(page: str, error: NlsrError, job: Job, workplace: Workplace) -> NlsrError:
    """Return the error of a book for that of a page, which may name the hidden place where the page was to go."""
    if isinstance(error, DestinationClash):  # what stands there is not what the ledger there says
        workplace.discard()
        reason = "the finished pages of an earlier call are damaged and were removed"
        return ImageWriteError(job.source.path, reason, "Run the same command again.")
    return ImageWriteError(page, error.reason, error.hint) if isinstance(error, ImageWriteError) else error


def _replacements(archive: Archive, outcomes: Mapping[str, Outcome]) -> dict[str, Replacement]:
    """Return the enlarged pages with their names, which change with the format and are never those of other files."""
    taken = {info.filename for info in archive.files}
    found = {}
    for page, outcome in outcomes.items():
        if outcome.output is None:
            continue
        with outcome.output.open("rb") as file:
            format_ = format_of(file.read(HEAD_BYTES)) or ""
        name, writing = page, writing_of(format_)
        if format_of_suffix(Path(page)) != format_:
            ending = WRITABLE[format_][0]
            name = page.removesuffix(PurePosixPath(page).suffix) + ending
            name = page + ending if name in taken else name
        taken.add(name)
        found[page] = Replacement(outcome.output, name, compress=writing.least_share >= 1)
    return found


def _told(notes: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield each note once, with the pages that it is about."""
    pages: dict[str, list[str]] = {}
    for page, told in notes.items():
        for note in told:
            pages.setdefault(note, []).append(page)
    for note, about in pages.items():
        more = f" and {len(about) - _NAMED} more pages" if len(about) > _NAMED else ""
        yield f"{', '.join(about[:_NAMED])}{more}: {note}"
