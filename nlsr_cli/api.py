"""The Python face of nlsr: one picture, many pictures, or a model to do with as you like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.errors import OptionError
from nlsr_cli.options import OutputOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.route import Aim, stages_for
from nlsr_cli.zoo import ModelSet, ModelSource, find_models, resolve
from nlsr_cli.zoo.registry import DEFAULT_FAMILY, DEFAULT_SCALE, GPU_FAMILY, scales_of

if TYPE_CHECKING:
    from nlsr_cli.batch.inputs import Sources
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.engines.local import LocalEngine
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.nlsn import NLSN
    from nlsr_cli.upscaling.progress import OnTile
    from nlsr_cli.upscaling.restoration import Restorer
    from nlsr_cli.upscaling.upscaler import Upscaler


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
    scale = options.network_scale
    model = _default_family(options, {scale or DEFAULT_SCALE}) if options.model is None else options.model
    return resolve(model, scale, offline=options.offline)


def find_set(options: UpscaleOptions) -> ModelSet:
    """Return the models that enlarge to any size: those of a family, or the one that is named, again and again.

    Raises:
        ModelError: the model is unknown or cannot be fetched.
        OptionError: this machine lacks the device.
    """
    if options.model is not None:
        return find_models(options.model, offline=options.offline)
    there = scales_of(DEFAULT_FAMILY)
    if options.sizes.by_scale or not options.sizes.given:
        needed = set(stages_for(options.scale or DEFAULT_SCALE, there))
    else:  # it differs from picture to picture
        needed = set(there)
    return find_models(_default_family(options, needed), offline=options.offline)


def _default_family(options: UpscaleOptions, scales: set[int]) -> str:
    """Return the family for the device that will run it, where it has all of these scales.

    Where no network has a part in it, and so no device, that is the default one: the other may have no models at all.
    """
    if options.compute.device == "cpu" or not scales or not scales <= set(scales_of(GPU_FAMILY)):
        return DEFAULT_FAMILY
    from nlsr_cli.upscaling.device import place

    return DEFAULT_FAMILY if place(options.compute).device.type == "cpu" else GPU_FAMILY


def build_upscaler(options: UpscaleOptions, models: ModelSource | ModelSet | None = None) -> Upscaler:
    """Return an upscaler for `options`; `models` are those to use, or the only one, where they are found already.

    One model is loaded at once, several when a picture needs them.

    Raises:
        ModelError: as `load_model`.
        OptionError: this machine lacks the device, or the device lacks the precision.
    """
    from nlsr_cli.upscaling.upscaler import Upscaler

    models = models or find_set(options)
    networks = ModelSet.single(models) if isinstance(models, ModelSource) else models
    upscaler = Upscaler(
        networks,
        compute=options.compute,
        tile=options.tile,
        ensemble=options.ensemble,
        max_memory=options.max_memory,
        sizes=options.sizes,
        alpha=options.alpha,
        strength=options.strength,
        wrap=options.wrap,
        floor=options.floor,
        restorer=_restorer(options, networks),
    )
    if len(networks.scales) == 1 and options.strength > 0:
        upscaler.load(networks.scales)
    return upscaler


def _restorer(options: UpscaleOptions, models: ModelSet) -> Restorer:
    """Return what networks are told of damage, once those that are asked to restore are known to be able to.

    Raises:
        OptionError: one has not learned what is asked of it.
    """
    from nlsr_cli.upscaling.restoration import Restorer

    restorer = Restorer(options.deblock, options.denoise)
    for scale in models.scales if options.strength > 0 else ():
        source = models.source(scale)
        restorer.check(source.network, source.name)
    return restorer


def plan_files(
    sources: Sequence[str | Path] | Sources,
    output: OutputOptions,
    options: UpscaleOptions,
    models: ModelSet,
    decoder: Decoder,
) -> LocalEngine:
    """Return the batch that enlarges `sources` with `models`: planned, checked, not yet begun.

    `decoder` reads the pictures; whoever has made it closes it when the batch has run.
    """
    from nlsr_cli.batch.fingerprint import Identity
    from nlsr_cli.batch.planning import plan_batch
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.engines.local import LocalEngine
    from nlsr_cli.images import parse_background
    from nlsr_cli.upscaling.tiles import plan_for

    parse_background(options.encode.background)  # a wrong name must not wait for the first transparent picture
    sizes = options.sizes if options.sizes.given else SizeOptions(scale=models.default)
    aim = Aim(sizes, models.scales, bicubic=options.strength == 0)
    _restorer(options, models)  # nor what no model here has learned
    plan = plan_batch(sources, output, options, aim=aim, decoder=decoder)
    for source in models.sources(plan.scales):
        plan_for(source.network, options.tile, 1, 1)  # nor an overlap that fits no tile for the first large one
    enters = output.existing == "resume" or (plan.sources.from_many and output.existing != "error")
    keeper = Keeper(Identity(options, models), existing=output.existing, ledger=enters, jobs=plan.jobs)
    stamp = Stamp.wanted(options, models)
    return LocalEngine(plan, lambda: build_upscaler(options, models), decoder, keeper=keeper, stamp=stamp)


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
    from nlsr_cli.isolation.decoder import Decoder

    options = options or UpscaleOptions()
    with Decoder() as decoder:
        decoder.start()  # it loads while this process looks for the models
        batch = plan_files(sources, output or OutputOptions(), options, find_set(options), decoder)
        yield from batch.run(on_tile=on_tile)


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
