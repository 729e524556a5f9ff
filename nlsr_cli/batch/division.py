"""What a shard plans: its own pictures, and those of others that might want the same output."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nlsr_cli.names import likeness
from nlsr_cli.options import OutputOptions
from nlsr_cli.shards import Shard

Files = Sequence[tuple[Path, Path]]  # pictures, each with the folder that its place in a tree is relative to


def is_mine(shard: Shard | None, source: Path, root: Path) -> bool:
    """Tell whether a picture is in a shard; without one all are."""
    return shard is None or shard.takes(source.relative_to(root).as_posix())


def to_plan(files: Files, output: OutputOptions) -> Files:
    """Return the pictures whose outputs have to be known: those of the shard, and all that may get the same name.

    To know the name of an output, the picture has to be opened: its header has the format and the size. Two pictures
    can get one name only if their own are alike but for the ending; where the caller's suffix holds what differs from
    picture to picture, any two can.
    """
    if output.shard is None or "{" in (output.suffix or ""):
        return files
    stems = {file: _stem(*file, output) for file in files}
    mine = {stem for file, stem in stems.items() if is_mine(output.shard, *file)}
    return [file for file in files if stems[file] in mine]


def _stem(source: Path, root: Path, output: OutputOptions) -> tuple[str, ...]:
    """Return what the names of two outputs have in common if they may be one."""
    folder = Path(os.path.realpath(source.parent)) if output.place is None else source.parent.relative_to(root)
    return likeness(folder / source.stem)
