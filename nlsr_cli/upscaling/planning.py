"""Which files are read and where each output goes: all decided, and all errors found, before the first pixel."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nlsr_cli.errors import DestinationClash, ImageReadError, ImageWriteError, NlsrError, OptionError
from nlsr_cli.images import Header, check_size, probe
from nlsr_cli.images.sniff import format_of
from nlsr_cli.options import FORMAT_SUFFIXES, OutputOptions, format_of_suffix, nearest

STREAM = Path("-")  # standard input or output
_HEAD_BYTES = 64  # enough of a file to know every format by its first bytes

# Endings under which people keep pictures. In a folder such a file is taken for a picture even if its content is none,
# so that a damaged picture is reported instead of passed over.
_PICTURE_SUFFIXES = {suffix for suffixes in FORMAT_SUFFIXES.values() for suffix in suffixes} | {
    ".gif", ".apng", ".mpo", ".dib", ".heic", ".heif", ".jxl", ".jp2", ".psd", ".ico", ".tga", ".ppm", ".pgm", ".exr"
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One input and what is to become of it. `error` says why nothing will; `skip` that the output is there already."""

    source: Path
    target: Path
    format: str = ""
    header: Header | None = None
    error: NlsrError | None = None
    skip: bool = False


@dataclass(frozen=True)
class BatchPlan:
    """All jobs of one call, in order, and the files of folders that were passed over because they are no pictures."""

    jobs: tuple[Job, ...]
    ignored: tuple[Path, ...] = ()

    @property
    def work(self) -> list[Job]:
        """Return the jobs that will be computed."""
        return [job for job in self.jobs if job.error is None and not job.skip]


@dataclass
class _Found:
    """Files found so far: each with the folder it is relative to, for mirroring a tree."""

    files: list[tuple[Path, Path]] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)
    from_many: bool = False  # a folder or a pattern was among the inputs, so the target must be a folder


def plan_batch(inputs: Sequence[str | Path], output: OutputOptions, *, scale: int, max_pixels: int) -> BatchPlan:
    """Plan one job per input picture; everything wrong with single files is inside the jobs.

    Args:
        inputs: files, folders, glob patterns, or "-" for standard input.
        output: where outputs go.
        scale: the enlargement, for sizes and names.
        max_pixels: the largest input, in pixels.

    Raises:
        OptionError: the inputs and the target do not fit each other.
    """
    if any(str(each) == "-" for each in inputs):
        return BatchPlan((_stream_job(inputs, output),))
    found = _find(inputs, output)
    if not found.files and not found.ignored:
        raise OptionError("no pictures found", "Give files, folders (with -r for their subfolders) or patterns.")
    single = len(found.files) == 1 and not found.from_many
    folder, file = _target(output, single)
    jobs = [_job(source, root, folder, file, output, scale, max_pixels) for source, root in found.files]
    return BatchPlan(tuple(_refuse_clashes(_drop_own_outputs(jobs, found))), tuple(found.ignored))


def _stream_job(inputs: Sequence[str | Path], output: OutputOptions) -> Job:
    if len(inputs) > 1:
        raise OptionError("standard input ('-') cannot be mixed with other inputs")
    target = output.place
    if target is None:
        raise OptionError("standard input needs an output", "Add -o FILE, or -o - for standard output.")
    format_ = output.format or ("" if target == STREAM else _format_of_target(target))
    job = Job(STREAM, target, format_)
    return job if target == STREAM else _check_target(job, output)


# ---- inputs


def _find(inputs: Sequence[str | Path], output: OutputOptions) -> _Found:
    found = _Found()
    seen: set[Path] = set()
    place = output.place
    own = place.resolve() if place is not None and place.is_dir() else None
    for each in inputs:
        for path, root in _expand(Path(each), str(each), output, own, found):
            if (real := path.absolute()) not in seen:  # the same file named twice is one job
                seen.add(real)
                found.files.append((path, root))
    return found


def _expand(
    path: Path, text: str, output: OutputOptions, own: Path | None, found: _Found
) -> Iterable[tuple[Path, Path]]:
    if path.is_dir():
        found.from_many = True
        return [(file, path) for file in _walk(path, output.recursive, own, found)]
    if not path.exists() and not path.is_symlink() and glob.has_magic(text):
        found.from_many = True
        matches = [Path(match) for match in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207 - absolute patterns
        if not matches:
            raise OptionError(f"no file matches '{text}'")
        return [(match, match.parent) for match in matches if match.is_file()]
    return [(path, path.parent)]


def _walk(folder: Path, recursive: bool, own: Path | None, found: _Found) -> Iterable[Path]:
    """Yield the pictures of a folder in a fixed order; the folder that outputs go to is not looked into."""
    for base, folders, names in os.walk(folder):
        inside = own is not None and own != folder.resolve()
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and not (inside and (Path(base) / name).resolve() == own)
        )
        for name in sorted(names):
            path = Path(base) / name
            if name.startswith("."):
                continue
            if path.suffix.lower() in _PICTURE_SUFFIXES or _looks_like_picture(path):
                yield path
            else:
                found.ignored.append(path)


def _looks_like_picture(path: Path) -> bool:
    """Tell whether a file without a picture's ending begins like a picture."""
    try:
        with path.open("rb") as file:
            return format_of(file.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


def _drop_own_outputs(jobs: list[Job], found: _Found) -> list[Job]:
    """Leave out inputs that are the outputs of other inputs, left in the same folder by an earlier call."""
    if not found.from_many:
        return jobs
    outputs = {job.target.absolute() for job in jobs if job.target != job.source}
    kept = [job for job in jobs if job.source.absolute() not in outputs]
    found.ignored.extend(job.source for job in jobs if job.source.absolute() in outputs)
    return kept


# ---- outputs


def _target(output: OutputOptions, single: bool) -> tuple[Path | None, Path | None]:
    """Return (folder, file): where `-o` puts outputs; both None for beside the inputs."""
    target = output.place
    if target is None:
        return None, None
    if target == STREAM:
        if not single:
            raise OptionError("-o - (standard output) takes exactly one input picture")
        return None, STREAM
    if target.is_dir() or (not target.suffix and not target.is_file()):
        return target, None
    if single:
        return None, target
    if target.is_file() or format_of_suffix(target):
        raise OptionError(f"-o {target} is a file, but there are several inputs", "Give a folder after -o.")
    return target, None


def _format_of_target(target: Path) -> str:
    format_ = format_of_suffix(target)
    if format_ is None:
        known = [suffix for suffixes in FORMAT_SUFFIXES.values() for suffix in suffixes]
        raise OptionError(f"-o {target}: unknown ending '{target.suffix}'", nearest(target.suffix, known))
    return format_


def _job(
    source: Path,
    root: Path,
    folder: Path | None,
    file: Path | None,
    output: OutputOptions,
    scale: int,
    max_pixels: int,
) -> Job:
    if source.is_fifo():  # it can be read only once, so nothing is known before the job itself reads it
        if file is None:
            raise OptionError(
                f"{source} is a pipe and has no name to go by", "Add -o FILE, or -o - for standard output."
            )
        job = Job(source, file, output.format or ("" if file == STREAM else _format_of_target(file)))
        return job if file == STREAM else _check_target(job, output)
    if file is not None and file != STREAM and output.format is None:
        _format_of_target(file)  # a wrong ending is the caller's mistake, not this picture's
    try:
        header = probe(source, max_pixels=max_pixels)
    except ImageReadError as error:
        return Job(source, file or source, error=error)
    format_ = output.format or (_format_of_target(file) if file and file != STREAM else kept_format(header.format))
    target = file or (folder / source.parent.relative_to(root) if folder else source.parent) / _name(
        source, format_, output, scale
    )
    job = Job(source, target, format_, header)
    try:
        check_size(format_, header.height * scale, header.width * scale, target)
    except ImageWriteError as error:
        return replace(job, error=error)
    return job if target == STREAM else _check_target(job, output)


def kept_format(source: str) -> str:
    """Return the source's own format, or PNG where that one is not written (GIF)."""
    return source if source in FORMAT_SUFFIXES else "PNG"


def _name(source: Path, format_: str, output: OutputOptions, scale: int) -> str:
    """Return NAME + suffix + ending; the source's own ending is kept where it names the right format."""
    suffix = f"_x{scale}" if output.suffix is None else output.suffix.replace("{scale}", str(scale))
    ending = source.suffix if format_of_suffix(source) == format_ else FORMAT_SUFFIXES[format_][0]
    return f"{source.stem}{suffix}{ending}"


def _check_target(job: Job, output: OutputOptions) -> Job:
    """Return the job, marked with an error or as skipped if its target is taken or cannot be written."""
    target, source = job.target, job.source
    if source != STREAM and target.exists() and source.exists() and target.samefile(source):
        hint = "nlsr never overwrites an input: give another name with -o or --suffix."
        return replace(job, error=DestinationClash(target, "the output would replace the input itself", hint))
    if target.is_dir():
        return replace(job, error=DestinationClash(target, "a folder stands where the output should go"))
    if target.exists() or target.is_symlink():
        if output.existing == "skip":
            return replace(job, skip=True)
        if output.existing == "error":
            hint = "Add --overwrite to replace it or --skip-existing to keep it."
            return replace(job, error=DestinationClash(target, "the output exists already", hint))
    return replace(job, error=_unwritable(target.parent))


def _unwritable(folder: Path) -> ImageWriteError | None:
    """Return why nothing can be written into a folder that may still have to be made, or None."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return ImageWriteError(folder, "is a file, not a folder", "Choose another place with -o.")
    if not os.access(folder, os.W_OK | os.X_OK):
        return ImageWriteError(folder, "the folder is not writable", "Choose another place with -o.")
    return None


def _refuse_clashes(jobs: list[Job]) -> list[Job]:
    """Mark all jobs that would write the same file; letting one of them win would lose the others in silence."""
    claims = Counter(os.path.normcase(job.target.absolute()) for job in jobs if job.error is None)
    checked = []
    for job in jobs:
        if job.error is None and claims[os.path.normcase(job.target.absolute())] > 1:
            others = sorted(str(o.source) for o in jobs if o.target == job.target and o.source != job.source)
            hint = "Give each its own call with its own -o, or another name."
            reason = f"the output of {job.source} and of {', '.join(others)} at once"
            job = replace(job, error=DestinationClash(job.target, reason, hint))  # noqa: PLW2901
        checked.append(job)
    return checked
