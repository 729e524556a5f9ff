"""Whether an output may have its place: what stands there, who else claims it, and that it is no input."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nlsr_cli import deepzoom
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.source import FileSource
from nlsr_cli.errors import DestinationClash, ImageWriteError
from nlsr_cli.images.formats import writing_of
from nlsr_cli.names import one_spelling
from nlsr_cli.options import OutputOptions

EXISTS_HINT = "Add --overwrite to replace existing outputs, or --skip-existing to keep them."
_OWN_INPUT = "the output would replace the input itself"
_INPUT_HINT = "nlsr never overwrites an input: give another name with -o or --suffix."


def check_target(job: Job, output: OutputOptions) -> Job:
    """Return the job, marked with an error or as skipped if its target is taken or cannot be written."""
    if not job.sink.on_disk:
        return job
    try:
        checked = _compared(job, output)
        _check_tiles(checked, output)
        return checked
    except DestinationClash as error:
        return replace(job, error=error)
    except (OSError, ValueError) as exc:  # such as a name that the suffix has made too long for the file system
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        hint = "Choose another name with -o or --suffix."
        reason = f"its output {job.sink.path.name}: {reason}"
        return replace(job, error=ImageWriteError(job.source.path, reason, hint))


def _compared(job: Job, output: OutputOptions) -> Job:
    target, source = job.sink.path, job.source.path
    named = isinstance(job.source, FileSource)
    if named and target.exists() and source.exists() and target.samefile(source):
        return replace(job, error=DestinationClash(target, _OWN_INPUT, _INPUT_HINT))
    if target.exists() and not target.is_file():
        what = "a folder" if target.is_dir() else "a device or pipe"
        hint = "Choose another name; standard output is -o -."
        if not named and target.is_dir():
            hint = f"Standard input has no name: give the output one, such as -o {target / 'out.png'}"
        return replace(job, error=DestinationClash(target, f"{what} already has this name", hint))
    if target.exists() or target.is_symlink():
        if output.existing == "skip":
            return replace(job, skip=True)
        if output.existing == "error":
            return replace(job, error=DestinationClash(source, f"its output {target} exists already", EXISTS_HINT))
        if output.existing == "resume":  # whether it is done, and ours, its bytes must say: not the plan's business
            return job
    return replace(job, error=_unwritable(target.parent))


def _check_tiles(job: Job, output: OutputOptions) -> None:
    """Look whether the folder for the tiles of an output is free, where it has one.

    Raises:
        DestinationClash: it is not.
    """
    path, resumes = job.sink.path, output.existing == "resume"
    if job.error is not None or job.skip or not job.format or not writing_of(job.format).tiled:
        return
    if not (resumes and os.path.lexists(path)):  # which its bytes must say, as above
        deepzoom.check_free(path, overwrite=output.existing == "overwrite")


def _unwritable(folder: Path) -> ImageWriteError | None:
    """Return why nothing can be written into a folder that may still have to be made, or None."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return ImageWriteError(folder, "is a file, not a folder", "Choose another place with -o.")
    if not os.access(folder, os.W_OK | os.X_OK):
        return ImageWriteError(folder, "the folder is not writable", "Choose another place with -o.")
    return None


def refuse_clashes(jobs: list[Job], sources: Iterable[Path] = ()) -> list[Job]:
    """Mark all jobs that would write one file, or over an input: one of the two would be lost in silence.

    `sources` are inputs of the call beside those of the jobs.
    """
    read = dict.fromkeys((*(job.source.path for job in jobs), *sources))
    writing = [job for job in jobs if job.error is None and job.sink.on_disk]
    spelled = one_spelling({job.sink.path for job in writing}, read)
    inputs = {place_of(spelled.get(source, source)): source for source in read}
    claims: defaultdict[object, list[Job]] = defaultdict(list)
    for job in writing:
        claims[place_of(spelled.get(job.sink.path, job.sink.path))].append(job)
    refused: dict[int, Job] = {}
    for place, claimants in claims.items():
        told = _listed(claimants) if len(claimants) > 1 else ""
        for job in claimants:
            refused[id(job)] = _unclaimed(job, told, None if job.skip else inputs.get(place))
    return [refused.get(id(job), job) for job in jobs]


def _listed(claimants: list[Job]) -> str:
    """Name those who want one place, not all of thousands to each of them, and say where their names for it differ."""
    names = sorted(job.source.name for job in claimants)
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    first, *others = dict.fromkeys(job.sink.name for job in claimants)
    return listed + (f" ({first} and {others[0]} are one file there)" if others else "")


def _unclaimed(job: Job, claimants: str, victim: Path | None) -> Job:
    """Return the job, marked with an error if its target is claimed by several or is an input."""
    source, target = job.source.path, job.sink.path
    if victim is not None:
        own = victim == source
        reason = f"the output of {source} would replace {victim}, which is also an input"
        return replace(job, error=DestinationClash(target, _OWN_INPUT if own else reason, _INPUT_HINT))
    if claimants:
        hint = 'Keep them apart by their endings, with --suffix "_{ext}_x{scale}", or rename one.'
        reason = f"{source} is one of several files with the same output: {claimants}"
        return replace(job, error=DestinationClash(target, reason, hint))
    return job


def place_of(path: Path) -> object:
    """Return what all names of one file have in common: its place on the disk, or the name that it will have."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path))
    return status.st_dev, status.st_ino
