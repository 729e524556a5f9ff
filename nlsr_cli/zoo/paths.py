"""Models by their paths: which texts can only be paths, what lies there, and which path was meant. No torch."""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path

from nlsr_cli.errors import ModelError, UnknownModel
from nlsr_cli.options import SCALES
from nlsr_cli.zoo.files import is_present
from nlsr_cli.zoo.registry import DEFAULT_SCALE
from nlsr_cli.zoo.source import CONFIG_NAME, RUN_MODEL, RUN_STATE, WEIGHTS_NAME, ModelSource, read_config, run_model

WEIGHTS_SUFFIX = ".safetensors"
PICKLED = (".pt", ".pth", ".ckpt", ".bin")
_FILE_PATTERN = re.compile(r"[^/]*\.[A-Za-z]\w*")  # a name with an ending and without an owner: no Hub id
_SHOWN = 200  # characters of a path that leads nowhere


def is_path(text: str) -> bool:
    """Tell whether a text is a path: something lies there, or it can be nothing else."""
    owned = text.partition("@")[0]  # of a Hub id; the revision behind it may have slashes
    if text.startswith((".", "~")) or text.endswith("/") or owned.count("/") > 1 or Path(text).is_absolute():
        return True
    if "\\" in text or Path(text).suffix.lower() in (WEIGHTS_SUFFIX, *PICKLED) or _FILE_PATTERN.fullmatch(text):
        return True
    return text != "" and exists(Path(text))


def exists(path: Path) -> bool:
    """Tell whether something lies at `path`, or whether that is a secret of a closed folder."""
    try:
        return path.exists()
    except PermissionError:  # what lies in a closed folder is no Hub id, and its name is not to be sent there
        return True
    except OSError:  # such as a name that is too long for the file system
        return False


def find_local(text: str, scale: int | None) -> ModelSource:
    """Return the model at a path: a .safetensors file, a folder of a model, or the folder of a training run.

    Of a run with several scales it is the model of `scale`, where that is None of 4 if there is one, else the largest.

    Raises:
        UnknownModel: there is no model.
        ModelError: it cannot be read.
        WeightsCorrupt, WeightsMismatch: its config is unusable.
    """
    path = expanded(text)
    try:
        weights, config = _in_folder(path, scale) if path.is_dir() else (path, path.with_name(CONFIG_NAME))
        there = config if exists(path) and is_present(config) else None
    except OSError as exc:
        raise ModelError(f"{path} cannot be read: {exc.strerror}", "Check the path and its permissions.") from exc
    if not exists(path):
        raise UnknownModel(
            f"no file or folder {str(path)[:_SHOWN]}",
            meant(path) or "Check the path, or list the names of models: nlsr models list",
        )
    if weights.suffix.lower() in PICKLED:
        raise UnknownModel(f"{weights} is a pickled checkpoint, which nlsr does not load", _pickled_hint(weights))
    if weights.suffix.lower() != WEIGHTS_SUFFIX:
        raise UnknownModel(f"{weights} is not a model", "Give a folder with model.safetensors, or a .safetensors file.")
    network, notes = read_config(there, weights)
    name = path if path.is_file() else weights.parent
    return ModelSource(str(name), "local", weights, there, network, notes=notes)


def run_scales(folder: Path) -> tuple[int, ...]:
    """Return the scales of the models in the folder of a training run that has several, else nothing.

    Raises:
        OSError: the folder may not be searched.
    """
    if is_present(folder / WEIGHTS_NAME) or is_present(folder / RUN_MODEL / WEIGHTS_NAME):
        return ()
    return tuple(scale for scale in SCALES if is_present(folder / run_model(scale) / WEIGHTS_NAME))


def default_scale(scales: tuple[int, ...]) -> int:
    """Return the scale that is meant where none is asked."""
    return DEFAULT_SCALE if DEFAULT_SCALE in scales else scales[-1]


def expanded(text: str) -> Path:
    """Return the path that a text stands for, `~` being the home folder.

    Raises:
        UnknownModel: the home folder is unknown.
    """
    home, _, rest = text.partition("/")
    try:
        return Path.home() / rest if home == "~" else Path(text)
    except RuntimeError as exc:
        raise UnknownModel(f"{text}: the home folder is unknown", "Set HOME, or write the whole path.") from exc


def meant(path: Path) -> str:
    """Return the question whether an existing path was meant whose first differing name is close; "" if there is none.

    Where more names follow that exist below it, the whole path is in the question.
    """
    there = next((each for each in path.parents if exists(each)), path)
    missing, *rest = path.parts[len(there.parts) :] or ("",)
    try:
        names = [each.name for each in there.iterdir()]
    except OSError:
        return ""
    for name in difflib.get_close_matches(missing, names, n=3):
        found = there.joinpath(name, *rest)
        if exists(found):
            return f"Did you mean {found}?"
    return ""


def _in_folder(folder: Path, scale: int | None) -> tuple[Path, Path]:
    """Return the weights and the config of the model in a folder.

    Raises:
        UnknownModel: it holds none, or none of that scale.
        OSError: it may not be searched.
    """
    for holder in (folder, folder / RUN_MODEL):
        if is_present(holder / WEIGHTS_NAME):
            return holder / WEIGHTS_NAME, holder / CONFIG_NAME
    if scales := run_scales(folder):
        return _of_scale(folder, scales, scale)
    others = sorted(path for path in folder.iterdir() if path.suffix.lower() in (WEIGHTS_SUFFIX, *PICKLED))
    if not others:
        raise UnknownModel(f"no {WEIGHTS_NAME} in the folder {folder}", "Give the folder that holds it.")
    raise UnknownModel(
        f"no {WEIGHTS_NAME} in the folder {folder}, but {others[0].name}",
        _pickled_hint(others[0])
        if others[0].suffix.lower() in PICKLED
        else f"Give the file itself: {shlex.quote(str(others[0]))}",
    )


def _of_scale(folder: Path, scales: tuple[int, ...], scale: int | None) -> tuple[Path, Path]:
    wanted = default_scale(scales) if scale is None else scale
    if wanted not in scales:
        listed = ", ".join(str(folder / run_model(each)) for each in scales)
        raise UnknownModel(
            f"there is no {wanted}x model in the folder of the training run {folder}", f"It has {listed}."
        )
    holder = folder / run_model(wanted)
    return holder / WEIGHTS_NAME, holder / CONFIG_NAME


def _pickled_hint(checkpoint: Path) -> str:
    """Say how to get a model from a pickled file, which of the state of a training run is another way."""
    if checkpoint.name != RUN_STATE:
        return f"Convert it once: nlsr models convert {shlex.quote(str(checkpoint))} FOLDER"
    run = checkpoint.parent
    if run_scales(run) or is_present(run / RUN_MODEL / WEIGHTS_NAME):
        return f"It is the state of a training run. Give the folder of its model: {shlex.quote(str(run))}"
    return "It is the state of a training run that has made no model yet: repeat its nlsr train command with --resume."
