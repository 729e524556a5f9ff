"""Names to files: a family, an embedded model, a path or a Hub id becomes a ModelSource. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from nlsr_cli.errors import DownloadFailed, OptionError, UnknownModel, WeightsCorrupt, nearest
from nlsr_cli.zoo.paths import find_local, is_path, meant
from nlsr_cli.zoo.registry import (
    DEFAULT_FAMILY,
    DEFAULT_SCALE,
    EMBEDDED,
    EmbeddedModel,
    families,
    find_embedded,
    scales_of,
)
from nlsr_cli.zoo.source import CONFIG_NAME, WEIGHTS_NAME, ModelSource, read_config

SHOWN = 200  # characters of a name that is none
FAMILY_PATTERN = re.compile(r"(?:nlsn-)?(?P<family>[a-z0-9]+)(?:-x(?P<scale>[0-9]{1,4}))?")
# A revision becomes a path in the cache: git forbids ".." in its names, and so do we.
HUB_PATTERN = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>(?!.*\.\.)\w[\w./+-]*))?")


def resolve(model: str | None, scale: int | None, *, offline: bool = False) -> ModelSource:
    """Find the model that `model` names, and check that it enlarges `scale` times where that is asked.

    In this order: None or a family (`lite`, `nlsn-lite`; scale None means 4), an embedded name (`nlsn-lite-x4`), a path
    (a folder with config.json and model.safetensors, one .safetensors file, or the folder of a training run), a Hub id
    `owner/repo[@revision]`. A text that can only be a path is never asked of the Hub.
    `offline` keeps to the Hub's local cache.

    Raises:
        UnknownModel: nothing answers to that name, or the family has no such scale.
        OptionError: the model enlarges another number of times.
        DownloadFailed: the Hub could not be reached or did not have it.
        WeightsCorrupt, WeightsMismatch: its config is unusable.
    """
    text = DEFAULT_FAMILY if model is None else model
    match = FAMILY_PATTERN.fullmatch(text)
    if match and match["family"] in families():
        return _checked(_embedded(_member(match["family"], match["scale"], scale)), scale)
    if is_path(text):
        return _checked(find_local(text, scale), scale)
    if match := HUB_PATTERN.fullmatch(text):
        return _checked(_hub(match["repo"], match["revision"], offline), scale)
    choices = [*families(), *EMBEDDED]
    raise UnknownModel(
        f"unknown model '{text[:SHOWN]}'",
        f"{nearest(text, choices)} Or a folder, a .safetensors file or a Hub id owner/repo.",
    )


def _member(family: str, named: str | None, asked: int | None) -> EmbeddedModel:
    wanted = int(named) if named else asked or DEFAULT_SCALE
    found = find_embedded(family, wanted)
    if found is None:
        there = scales_of(family)
        raise UnknownModel(
            f"there is no {wanted}x model in the family '{family}'",
            f"It enlarges {', '.join(f'{scale}x' for scale in there[:-1])} or {there[-1]}x."
            if len(there) > 1
            else f"It enlarges {there[0]}x.",
        )
    return found


def _embedded(model: EmbeddedModel) -> ModelSource:
    config, weights = model.folder / CONFIG_NAME, model.folder / WEIGHTS_NAME
    if not (config.is_file() and weights.is_file()):
        raise WeightsCorrupt(
            f"the embedded model {model.name} is missing from {model.folder}",
            "Install nlsr again, in its checkout: python3 -m pip install --force-reinstall --no-deps .",
        )
    network, notes = read_config(config, weights)
    return ModelSource(model.name, "embedded", weights, config, network, sha256=model.files, notes=notes)


def _hub(repo: str, revision: str | None, offline: bool) -> ModelSource:
    from nlsr_cli.zoo import hub

    try:
        found = hub.fetch(repo, revision, offline=offline)
    except (UnknownModel, DownloadFailed) as exc:
        if guess := meant(Path(repo)):  # what has one slash may be either, and may have been mistyped as either
            exc.hint = f"{guess} {exc.hint}"
        raise
    network, notes = read_config(found.config, found.weights)
    name = f"{repo}@{revision}" if revision else repo
    return ModelSource(
        name, "hub", found.weights, found.config, network, found.commit, found.sha256, (*found.notes, *notes)
    )


def _checked(source: ModelSource, scale: int | None) -> ModelSource:
    if scale is None or scale == source.scale:
        return source
    member = EMBEDDED.get(source.name)
    other = find_embedded(member.family, scale) if member else None
    raise OptionError(
        f"{source.name} enlarges {source.scale}x, but {scale}x was asked for",
        f"Use --model {other.name}." if other else f"Omit --scale, or give --scale {source.scale}.",
    )
