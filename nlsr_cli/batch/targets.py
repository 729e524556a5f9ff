"""What the name of an output, and the options beside it, ask for: a folder or a file, and a format."""

from __future__ import annotations

import stat
from pathlib import Path

from nlsr_cli.batch.inputs import mode_of
from nlsr_cli.books.archive import SUFFIX
from nlsr_cli.errors import ImageWriteError, OptionError, nearest
from nlsr_cli.images import check_options
from nlsr_cli.images.formats import WRITABLE, format_of_suffix, is_read_only, writing_of
from nlsr_cli.options import OutputOptions, UpscaleOptions
from nlsr_cli.storing import FOLDER_HINT, NO_FOLDER

_VIDEOS = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"})


def target_of(output: OutputOptions, single: bool) -> tuple[Path | None, Path | None]:
    """Return (folder, file): where `-o` puts outputs; both None for beside the inputs, or for standard output."""
    if output.streams and not single:
        raise OptionError("-o - (standard output) takes exactly one input picture")
    target = output.place
    if target is None:
        return None, None
    kind = mode_of(target)
    if output.names_folder or stat.S_ISDIR(kind) or (not kind and not target.suffix):
        return target, None
    if single:
        return None, target
    if kind or format_of_suffix(target):
        raise OptionError(f"-o {target} is a file, but there are several inputs", "Give a folder after -o.")
    return target, None


def asked_of(file: Path | None, output: OutputOptions, options: UpscaleOptions) -> str:
    """Return the format that is asked for, as `_asked_format` does.

    Raises:
        OptionError: as there, or it does not go with what else is asked.
    """
    asked = _asked_format(file, output)
    try:
        if asked:
            check_options(asked, options.encode, file or Path())
            if output.streams and writing_of(asked).tiled:
                raise OptionError(f"standard output takes one file, and {NO_FOLDER}", FOLDER_HINT)
    except ImageWriteError as error:
        raise OptionError(error.reason, error.hint) from error
    return asked


def _asked_format(file: Path | None, output: OutputOptions) -> str:
    """Return the format that `--format` or the ending of a named output asks for; "" leaves it to the source.

    Raises:
        OptionError: the ending names no format, or another one: it would mislead whoever opens the file.
    """
    if file is None:
        return output.format or ""
    named = format_of_suffix(file)
    if output.format is not None:
        if named not in (None, output.format):
            reason = f"-o {file} is named as {named}, but --format says {output.format}"
            raise OptionError(reason, "Omit one of them.")
        return output.format
    if named is None:
        if file.suffix.lower() == SUFFIX:
            raise OptionError(
                f"-o {file}: only comic books are written as {SUFFIX}", f"For example: -o {file.stem}.png"
            )
        known = [suffix for suffixes in WRITABLE.values() for suffix in suffixes]
        if not file.suffix:
            raise OptionError(f"-o {file} has no ending that names a format", f"For example: -o {file}.png")
        if is_read_only(file):
            raise OptionError(f"-o {file}: nlsr reads this format and does not write it", "For example: .png or .jpg")
        hint = nearest(file.suffix, known)
        if file.suffix.lower() in _VIDEOS:
            hint = "Write pictures, and make a video of them: docs/recipes.md"
        raise OptionError(f"-o {file}: unknown ending '{file.suffix}'", hint)
    return named
