"""The Python face of nlsr: one picture, many pictures, or a model to do with as you like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.errors import OptionError
from nlsr_cli.options import OutputOptions, UpscaleOptions
from nlsr_cli.zoo import ModelSource, resolve

if TYPE_CHECKING:
    from nlsr_cli.nlsn import NLSN
    from nlsr_cli.upscaling.batch import Batch, Outcome
    from nlsr_cli.upscaling.upscaler import OnTile, Upscaler


def load_model(model: str | None = None, scale: int | None = None, *, offline: bool = False) -> NLSN:
    """Return a pretrained NLSN on the CPU, in evaluation mode.

    Args:
        model: a family (`lite`), an embedded name (`nlsn-lite-x4`), a folder, a `.safetensors` file, or a Hub id
            `owner/repo[@revision]`; None is the default family.
        scale: 2, 3 or 4; None is the model's own, or 4 for a family.
        offline: never ask the network, only the cache.

    Raises:
        ModelError: the model is unknown, cannot be fetched, or is damaged.
    """
    from nlsr_cli.zoo.checkpoint import load_model as load

    return load(resolve(model, scale, offline=offline))


def build_upscaler(options: UpscaleOptions, source: ModelSource | None = None) -> Upscaler:
    """Return an upscaler for `options`; `source` is the model, where it has been resolved already.

    Raises:
        ModelError: as `load_model`.
        OptionError: this machine lacks the device, or the device lacks the precision.
    """
    from nlsr_cli.upscaling.upscaler import Upscaler
    from nlsr_cli.zoo.checkpoint import load_model as load

    source = source or resolve(options.model, options.scale, offline=options.offline)
    return Upscaler(load(source), compute=options.compute, tile=options.tile, ensemble=options.ensemble)


def plan_files(
    sources: Sequence[str | Path], output: OutputOptions, options: UpscaleOptions, source: ModelSource
) -> Batch:
    """Return the batch that enlarges `sources` with the model `source`: planned, checked, not yet begun."""
    from nlsr_cli.images import parse_background
    from nlsr_cli.upscaling.batch import Batch
    from nlsr_cli.upscaling.planning import plan_batch
    from nlsr_cli.upscaling.tiles import plan_for

    parse_background(options.encode.background)  # a wrong name must not wait for the first transparent picture
    plan_for(source.network, options.tile, 1, 1)  # nor an overlap that fits no tile for the first large one
    plan = plan_batch(sources, output, scale=source.scale, max_pixels=options.max_pixels)
    return Batch(
        plan,
        lambda: build_upscaler(options, source),
        encode=options.encode,
        overwrite=output.existing == "overwrite",
        max_pixels=options.max_pixels,
    )


def upscale_files(
    sources: Sequence[str | Path],
    output: OutputOptions | None = None,
    options: UpscaleOptions | None = None,
    *,
    on_tile: OnTile | None = None,
) -> Iterator[Outcome]:
    """Enlarge files, folders and patterns, and yield the outcome of each file as it is finished.

    What is wrong with one file is in its outcome (`status` "failed", `error`) and does not stop the others.

    Raises:
        OptionError: the sources and the output do not fit each other.
        ModelError: the model is unknown, cannot be fetched, or is damaged.
    """
    options = options or UpscaleOptions()
    source = resolve(options.model, options.scale, offline=options.offline)
    yield from plan_files(sources, output or OutputOptions(), options, source).run(on_tile=on_tile)


def upscale_file(
    source: str | Path,
    output: str | Path | None = None,
    options: UpscaleOptions | None = None,
    *,
    overwrite: bool = False,
    on_tile: OnTile | None = None,
) -> Outcome:
    """Enlarge one picture and return its outcome; `output` None is NAME_x4.EXT beside it.

    Raises:
        NlsrError: the picture cannot be read, enlarged or written; nothing was left behind.
    """
    if Path(source).is_dir():
        raise OptionError(f"{source} is a folder", "Use upscale_files for folders.")
    target = OutputOptions(target=None if output is None else Path(output))
    target = replace(target, existing="overwrite" if overwrite else "error")
    (outcome,) = upscale_files([source], target, options, on_tile=on_tile)
    if outcome.error is not None:
        raise outcome.error
    return outcome
