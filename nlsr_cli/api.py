"""The Python face of nlsr: one picture, many pictures, or a model to do with as you like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.errors import OptionError
from nlsr_cli.options import OutputOptions, UpscaleOptions
from nlsr_cli.zoo import ModelSource, resolve
from nlsr_cli.zoo.registry import DEFAULT_FAMILY, DEFAULT_SCALE, GPU_FAMILY, find_embedded

if TYPE_CHECKING:
    from nlsr_cli.nlsn import NLSN
    from nlsr_cli.upscaling.batch import Batch
    from nlsr_cli.upscaling.outcome import Outcome
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


def find_model(options: UpscaleOptions) -> ModelSource:
    """Return the model that `options` name; without a name, the default family of the device that will run it.

    Raises:
        ModelError: the model is unknown or cannot be fetched.
        OptionError: the model enlarges another number of times, or this machine lacks the device.
    """
    model = _default_family(options) if options.model is None else options.model
    return resolve(model, options.scale, offline=options.offline)


def _default_family(options: UpscaleOptions) -> str:
    if options.compute.device == "cpu" or find_embedded(GPU_FAMILY, options.scale or DEFAULT_SCALE) is None:
        return DEFAULT_FAMILY
    from nlsr_cli.upscaling.device import place

    return DEFAULT_FAMILY if place(options.compute).device.type == "cpu" else GPU_FAMILY


def build_upscaler(options: UpscaleOptions, source: ModelSource | None = None) -> Upscaler:
    """Return an upscaler for `options`; `source` is the model, where it has been resolved already.

    Raises:
        ModelError: as `load_model`.
        OptionError: this machine lacks the device, or the device lacks the precision.
    """
    from nlsr_cli.upscaling.upscaler import Upscaler
    from nlsr_cli.zoo.checkpoint import load_model as load

    source = source or find_model(options)
    return Upscaler(
        load(source),
        compute=options.compute,
        tile=options.tile,
        ensemble=options.ensemble,
        max_memory=options.max_memory,
    )


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
    source = find_model(options)
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
