"""Which models a call takes, and what is made of its options: an enlarger, and a batch that is planned and checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nlsr_cli.errors import OptionError
from nlsr_cli.limits import DECODER, MAIN
from nlsr_cli.options import OutputOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.route import Aim, stages_for
from nlsr_cli.workers import RAY, Workers
from nlsr_cli.zoo import ModelSet, ModelSource, find_models, resolve
from nlsr_cli.zoo.registry import DEFAULT_FAMILY, DEFAULT_SCALE, GPU_FAMILY, scales_of

if TYPE_CHECKING:
    from nlsr_cli.batch.bookkeeping import Declaration
    from nlsr_cli.batch.fingerprint import Identity
    from nlsr_cli.batch.inputs import Sources
    from nlsr_cli.batch.planning import BatchPlan
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.engines.engine import Engine
    from nlsr_cli.engines.ray_cluster import Cluster
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.nlsn import NLSN
    from nlsr_cli.upscaling.enlarger import Enlarger
    from nlsr_cli.upscaling.restoration import Restorer


FilePath: TypeAlias = "str | os.PathLike[str]"
Model: TypeAlias = "FilePath | NLSN | Mapping[int, NLSN] | None"
Crew: TypeAlias = "Sequence[str] | Cluster"


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
    if options.compute.found is not None:
        return DEFAULT_FAMILY if options.compute.found[0] == "cpu" else GPU_FAMILY
    from nlsr_cli.upscaling.device import place

    return DEFAULT_FAMILY if place(options.compute).device.type == "cpu" else GPU_FAMILY


def models_of(model: Model, options: UpscaleOptions) -> ModelSet:
    """Return the models that a caller gives, or names in `options`.

    Raises:
        ModelError: the model is unknown or cannot be fetched.
        OptionError: it is neither a name nor a network, or this machine lacks the device.
    """
    if model is None or isinstance(model, (str, os.PathLike)):
        return find_set(options)
    from nlsr_cli.nlsn import NLSN

    networks = {model.config.scale: model} if isinstance(model, NLSN) else model
    if not isinstance(networks, Mapping) or not all(isinstance(each, NLSN) for each in networks.values()):
        raise OptionError(f"model cannot be of type {type(model).__name__}", "Give a name, a path, or load_model(...).")
    return ModelSet.own(networks)


def build_enlarger(options: UpscaleOptions, models: ModelSource | ModelSet | None = None) -> Enlarger:
    """Return an enlarger for `options`; `models` are those to use, or the only one, where they are found already.

    One model is loaded at once, several when a picture needs them.

    Raises:
        ModelError: as `load_model`.
        OptionError: this machine lacks the device, or the device lacks the precision.
    """
    from nlsr_cli.upscaling.enlarger import Enlarger

    models = models or find_set(options)
    networks = ModelSet.single(models) if isinstance(models, ModelSource) else models
    enlarger = Enlarger(
        networks,
        compute=options.compute,
        tile=options.tile,
        ensemble=options.ensemble,
        max_memory=options.max_memory,
        reserved=MAIN + DECODER,
        sizes=options.sizes,
        alpha=options.alpha,
        strength=options.strength,
        wrap=options.wrap,
        floor=options.floor,
        restorer=_restorer(options, networks),
    )
    if len(networks.scales) == 1 and options.strength > 0:
        enlarger.load(networks.scales)
    return enlarger


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


@contextmanager
def hired(options: UpscaleOptions, asked: Workers) -> Iterator[tuple[UpscaleOptions, Crew]]:
    """Give the options of one worker, and who shares the work: the devices of this machine, or a cluster, with which
    there is a connection until the context ends.

    Raises:
        OptionError: this machine, or the cluster, lacks a device.
        MissingExtra: Ray is not installed.
        NlsrError: there is no cluster.
    """
    if asked.engine == RAY:
        from nlsr_cli.engines.ray_cluster import connected

        with connected(options, asked) as (own, cluster):
            yield own, cluster
        return
    from nlsr_cli.upscaling.shares import shared_out

    yield shared_out(options, asked)


def plan_files(
    sources: Sequence[str | Path] | Sources,
    output: OutputOptions,
    options: UpscaleOptions,
    models: ModelSet,
    decoder: Decoder,
    crew: Crew = (),
) -> Engine:
    """Return the batch that enlarges `sources` with `models`: planned, checked, not yet begun.

    `decoder` reads the pictures; whoever has made it closes it when the batch has run. `crew` is who shares the work,
    as `hired` gives it; less than two devices of this machine are this process alone.

    Raises:
        OptionError: as `planned`, or only one process can do what is asked.
    """
    from nlsr_cli.engines.local import LocalEngine

    plan, keeper, stamp = planned(sources, output, options, models, decoder)
    build = partial(build_enlarger, models=models)
    if not isinstance(crew, Sequence):
        from nlsr_cli.engines.ray_cluster import clustered

        return clustered(plan, keeper, build, options, models, crew)
    if len(crew) > 1:
        from nlsr_cli.engines.devices import parallel

        return parallel(plan, keeper, build, options, models, crew)
    return LocalEngine(plan, lambda: build_enlarger(options, models), decoder, keeper=keeper, stamp=stamp)


def planned(
    sources: Sequence[str | Path] | Sources,
    output: OutputOptions,
    options: UpscaleOptions,
    models: ModelSet,
    decoder: Decoder,
) -> tuple[BatchPlan, Keeper, Stamp | None]:
    """Return what is to be done, who knows what is done already, and what says of outputs how they were made."""
    from nlsr_cli.batch.fingerprint import Identity
    from nlsr_cli.batch.planning import plan_batch
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.images import parse_background
    from nlsr_cli.upscaling.tiles import plan_for

    parse_background(options.encode.background)  # a wrong name must not wait for the first transparent picture
    sizes = options.sizes if options.sizes.given else SizeOptions(scale=models.default)
    restorer = _restorer(options, models)  # nor what no model here has learned
    aim = Aim(sizes, models.scales, bicubic=options.strength == 0, restoring=restorer.asks)
    plan = plan_batch(sources, output, options, aim=aim, decoder=decoder)
    for source in models.sources(plan.scales):
        plan_for(source.network, options.tile, 1, 1)  # nor an overlap that fits no tile for the first large one
    enters = output.existing == "resume" or (plan.sources.from_many and output.existing != "error")
    identity = Identity(options, models)
    keeper = Keeper(
        identity,
        existing=output.existing,
        ledger=enters,
        jobs=plan.jobs,
        home=output.place,
        declaration=_declaration(plan, output, identity) if enters else None,
        shard=output.shard,
        shares=enters and output.existing in ("resume", "skip") and output.shard is None,
    )
    return plan, keeper, Stamp.wanted(options, models)


def _declaration(plan: BatchPlan, output: OutputOptions, identity: Identity) -> Declaration | None:
    """Return what a shard says of itself, once it is known that the others say the same.

    Raises:
        OptionError: another one was started with other options, and nothing is to be replaced.
    """
    from nlsr_cli.batch.bookkeeping import Declaration

    if output.shard is None:
        return None
    tops = [output.place] if output.place is not None else dict.fromkeys(root for _, root in plan.sources.files)
    declaration = Declaration(tops, output.shard, identity.declaration(output), len(plan.jobs))
    if output.existing != "overwrite":
        declaration.check()
    return declaration
