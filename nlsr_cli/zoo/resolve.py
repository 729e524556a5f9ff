"""Names to files: a family, an embedded model, a path or a Hub id becomes a ModelSource. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from nlsr_cli.errors import ModelError, OptionError, UnknownModel, WeightsCorrupt
from nlsr_cli.options import nearest
from nlsr_cli.zoo.files import is_present
from nlsr_cli.zoo.registry import (
    DEFAULT_FAMILY,
    DEFAULT_SCALE,
    EMBEDDED,
    EmbeddedModel,
    families,
    find_embedded,
    scales_of,
)
from nlsr_cli.zoo.source import CONFIG_NAME, RUN_MODEL, WEIGHTS_NAME, ModelSource, read_config

SHOWN = 200  # characters of a name that is none
PICKLED = (".pt", ".pth", ".ckpt", ".bin")
FAMILY_PATTERN = re.compile(r"(?:nlsn-)?(?P<family>[a-z0-9]+)(?:-x(?P<scale>[0-9]{1,4}))?")
# A revision becomes a path in the cache: git forbids ".." in its names, and so do we.
HUB_PATTERN = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>(?!.*\.\.)\w[\w./+-]*))?")


def resolve(model: str | None, scale: int | None, *, offline: bool = False) -> ModelSource:
    """Find the model that `model` names, and check that it enlarges `scale` times where that is asked.

    In this order: None or a family (`lite`, `nlsn-lite`; scale None means 4), an embedded name (`nlsn-lite-x4`), a path
    (a folder with config.json and model.safetensors, or one .safetensors file), a Hub id `owner/repo[@revision]`.
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
    if _is_path(text):
        return _checked(_local(text), scale)
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


def _is_path(text: str) -> bool:
    explicit = text.startswith((".", "~")) or Path(text).is_absolute()
    return explicit or Path(text).suffix.lower() in (".safetensors", *PICKLED) or (text != "" and _exists(Path(text)))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # what lies in a closed folder is no Hub id, and its name is not to be sent there
        return True
    except OSError:  # such as a name that is too long for the file system
        return False


def _local(text: str) -> ModelSource:
    path = _expanded(text)
    try:
        weights, config = _in_folder(path) if path.is_dir() else (path, path.with_name(CONFIG_NAME))
        there = config if _exists(path) and is_present(config) else None
    except OSError as exc:
        raise ModelError(f"{path} cannot be read: {exc.strerror}", "Check the path and its permissions.") from exc
    if not _exists(path):
        raise UnknownModel(f"no file or folder {path}", "Check the path, or see the names: nlsr models list")
    if weights.suffix.lower() in PICKLED:
        raise UnknownModel(
            f"{weights} is a pickled checkpoint, which nlsr does not load as it is",
            f"Convert it once: nlsr models convert {weights} FOLDER",
        )
    if weights.suffix.lower() != ".safetensors":
        raise UnknownModel(f"{weights} is not a model", "Give a folder with model.safetensors, or a .safetensors file.")
    network, notes = read_config(there, weights)
    return ModelSource(str(path), "local", weights, there, network, notes=notes)


def _expanded(text: str) -> Path:
    home, _, rest = text.partition("/")
    try:
        return Path.home() / rest if home == "~" else Path(text)
    except RuntimeError as exc:
        raise UnknownModel(f"{text}: the home folder is unknown", "Set HOME, or write the whole path.") from exc


def _in_folder(folder: Path) -> tuple[Path, Path]:
    weights = folder / WEIGHTS_NAME
    if is_present(weights):
        return weights, folder / CONFIG_NAME
    if is_present(folder / RUN_MODEL / WEIGHTS_NAME):
        raise UnknownModel(f"{folder} is the folder of a training run", f"Its model is {folder / RUN_MODEL}.")
    others = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".safetensors", *PICKLED))
    if not others:
        raise UnknownModel(f"no {WEIGHTS_NAME} in the folder {folder}", "Give the folder that holds it.")
    raise UnknownModel(
        f"no {WEIGHTS_NAME} in the folder {folder}, but {others[0].name}",
        f"Convert it: nlsr models convert {others[0]} FOLDER"
        if others[0].suffix.lower() in PICKLED
        else f"Give the file itself: {others[0]}",
    )


def _hub(repo: str, revision: str | None, offline: bool) -> ModelSource:
    from nlsr_cli.zoo import hub

    found = hub.fetch(repo, revision, offline=offline)
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
        f"{source.name} enlarges {source.scale}x, but {scale}x was asked",
        f"Use --model {other.name}." if other else f"Leave --scale out, or give --scale {source.scale}.",
    )
