"""Published checkpoints (pickled `.pt`) to config.json + model.safetensors + model card: the only door for pickles.

A pickle is a program. torch reads it here with `weights_only=True`, which builds tensors and plain containers and
refuses everything else, so that nothing in it is ever called.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nlsr_cli.errors import ModelError, OptionError, UnknownModel, WeightsCorrupt, WeightsMismatch
from nlsr_cli.limits import granted
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.zoo.card import CardFacts, write_card
from nlsr_cli.zoo.checkpoint import build, save_model
from nlsr_cli.zoo.files import is_present
from nlsr_cli.zoo.header import read_header
from nlsr_cli.zoo.infer import infer_config
from nlsr_cli.zoo.source import CARD_NAME, CONFIG_KEY, CONFIG_NAME, WEIGHTS_NAME, read_config, stated_licence

# Where training programs put the tensors in what they save; averaged ones first, for these are the ones to use.
WRAPPERS = ("params_ema", "ema", "params", "state_dict", "model_state_dict", "model", "net", "network", "generator")
SETTINGS = ("chunk_size", "n_hashes", "res_scale", "image_skip")  # what no shape tells
MEMORY, MEMORY_PER_BYTE = 1 << 30, 4  # address space that reading a checkpoint may take, by the size of its file
STATE_KEYS = {"choices", "trainer", "rows", "format"}  # among those of the state of a training run
PREFIXES = ("module.", "_orig_mod.", "model.", "net.")  # of DataParallel, torch.compile and wrapping classes


def convert(
    checkpoint: Path,
    out: Path | str,
    *,
    chunk_size: int | None = None,
    n_hashes: int | None = None,
    res_scale: float | None = None,
    image_skip: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the model in `checkpoint` (`.pt`, `.pth` or `.safetensors`) as a folder that nlsr and the Hub can use.

    A setting that is None is taken from the config that comes with a .safetensors file, else from the published model:
    chunks of 144, 4 rounds, residual scale 0.1, no image skip. The compact layout ("pixelshuffledirect") was never
    published, so there all four must be stated. Returns `out`.

    Raises:
        UnknownModel: there is no such file.
        OptionError: `out` is empty or holds a model already, or a setting is missing or out of range.
        WeightsCorrupt: it is truncated, no checkpoint, or holds more than tensors; nothing of it was executed.
        WeightsMismatch: it is a checkpoint of another network.
        ModelError: a file cannot be read or written.
    """
    if not str(out):  # as a Path it would be the current folder
        raise OptionError("the output folder has an empty name", "Name a folder for the converted model.")
    asked = dict(zip(SETTINGS, (chunk_size, n_hashes, res_scale, image_skip), strict=True))
    try:
        return _convert(
            checkpoint, Path(out), {name: value for name, value in asked.items() if value is not None}, overwrite
        )
    except OSError as exc:
        place = exc.filename or checkpoint
        raise ModelError(f"{place} cannot be used: {exc.strerror}", "Check the path and its permissions.") from exc


def _convert(checkpoint: Path, out: Path, asked: Mapping[str, Any], overwrite: bool) -> Path:
    if not checkpoint.is_file():
        raise UnknownModel(f"no file {checkpoint}", "Give the checkpoint file itself: .pt, .pth or .safetensors.")
    _check_free(out, overwrite)
    if checkpoint.suffix.lower() == ".safetensors":
        tensors, carried = _read_safetensors(checkpoint)
    else:
        tensors, carried = canonical(_unpickle(checkpoint), str(checkpoint)), {}
    _check_sizes(tensors, checkpoint)
    config = _config(tensors, {**carried, **asked}, str(checkpoint))
    # Not before the shapes were checked: until here, nothing is larger than the file that it came from.
    plain = {name: tensor.to(torch.float32).contiguous() for name, tensor in tensors.items()}
    model = build(config, plain, str(checkpoint))
    save_model(model, out, write_card(_facts(checkpoint, out, config)))
    return out


def canonical(loaded: object, where: str) -> dict[str, Tensor]:
    """Return name -> tensor from whatever was saved: unwrapped, without the prefixes of wrappers. After spandrel.

    Raises:
        WeightsMismatch: there is no mapping of names to tensors in it.
    """
    for _ in WRAPPERS:
        if not isinstance(loaded, Mapping):
            break
        inner = next((loaded[key] for key in WRAPPERS if isinstance(loaded.get(key), Mapping)), None)
        if inner is None:
            break
        loaded = inner
    if isinstance(loaded, Mapping) and loaded.keys() >= STATE_KEYS:
        raise WeightsMismatch(
            f"{where}: the state of a training run, not a model",
            "Give the folder of the run to --model; if it holds no model yet, repeat its command with --resume.",
        )
    if not isinstance(loaded, Mapping) or not loaded or not all(isinstance(name, str) for name in loaded):
        raise WeightsMismatch(f"{where}: holds no named tensors", "Give a checkpoint: a saved state dict.")
    others = [name for name, value in loaded.items() if not isinstance(value, Tensor)]
    if others:
        raise WeightsMismatch(f"{where}: {others[0][:80]!r} is not a tensor", "Give a checkpoint: a saved state dict.")
    names = dict(loaded)
    while prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in names)), None):
        names = {name[len(prefix) :]: tensor for name, tensor in names.items()}
    return {name: _plain(tensor, f"{where}: {name[:80]!r}") for name, tensor in names.items()}


def _plain(tensor: Tensor, where: str) -> Tensor:
    plain = Tensor.detach(tensor)  # through the class: a pickle may set what it likes on a parameter, even "detach"
    strided = plain.layout == torch.strided and plain.device.type == "cpu" and not plain.is_quantized
    if type(plain) is not Tensor or not strided or not plain.is_floating_point():
        raise WeightsMismatch(f"{where} is not a plain floating-point tensor ({plain.dtype})")
    return plain


def _check_sizes(tensors: Mapping[str, Tensor], checkpoint: Path) -> None:
    """Refuse tensors that claim more bytes than the file has: one stored number can pose as a tensor of any shape."""
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    held = checkpoint.stat().st_size
    if claimed > held:
        raise WeightsCorrupt(
            f"{checkpoint}: its tensors would take {claimed} bytes, but the file has {held}",
            "Save the state dict alone, with every tensor stored whole.",
        )


def _check_free(out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise OptionError(f"{out} is a file", "Name a folder for the converted model.")
    taken = [name for name in (CONFIG_NAME, WEIGHTS_NAME, CARD_NAME) if (out / name).exists()]
    if taken and not overwrite:
        raise OptionError(f"{out} already holds {taken[0]}", "Name another folder, or give --overwrite.")


def _unpickle(path: Path) -> object:
    try:
        _check_archive(path)
        # A pickle of a hundred bytes can ask for any amount: texts that double, lists in lists, bytes without end.
        with granted(MEMORY + MEMORY_PER_BYTE * path.stat().st_size), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders about odd pickles before it refuses them; ours is the word
            return torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except pickle.UnpicklingError as exc:
        raise WeightsCorrupt(
            f"{path}: holds more than tensors, or is not a checkpoint; nothing in it was executed",
            "Save the state dict alone, on a machine that trusts the file.",
        ) from exc
    except OSError as exc:
        raise ModelError(f"{path} cannot be read: {exc.strerror}", "Check the path and its permissions.") from exc
    except MemoryError as exc:
        reason = f"{path}: takes far more memory to read than its {path.stat().st_size} bytes"
        raise WeightsCorrupt(reason, "Save the state dict alone, with every tensor stored whole.") from exc
    # The readers meet hostile bytes, and fail on them in whatever way the bytes suggest: no list of errors is complete.
    except Exception as exc:
        raise WeightsCorrupt(f"{path}: truncated, or not a checkpoint", "Download or copy the file again.") from exc


def _check_archive(path: Path) -> None:
    """Refuse an archive that could unfold without end: torch stores without compression, every byte once."""
    if not zipfile.is_zipfile(path):
        return  # the format before torch 1.6, which the authors' files are in
    with zipfile.ZipFile(path) as archive:
        items = archive.infolist()
    if any(item.compress_type != zipfile.ZIP_STORED for item in items):
        raise WeightsCorrupt(f"{path}: a compressed archive, not a checkpoint", "Give the .pt file inside it.")
    if sum(item.file_size for item in items) > path.stat().st_size:  # entries that share their bytes
        raise WeightsCorrupt(f"{path}: an archive that claims more bytes than it has", "Download or copy it again.")


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and those settings of the carried config that shapes do not tell."""
    header = read_header(path)
    beside = path.with_name(CONFIG_NAME)
    try:
        tensors = canonical(load_file(path), str(path))
    except (SafetensorError, OSError) as exc:
        raise WeightsCorrupt(f"{path}: {exc}", "Download or copy the file again.") from exc
    there = beside if is_present(beside) else None
    if CONFIG_KEY not in header.metadata and there is None:
        return tensors, {}
    config, _ = read_config(there, path)
    return tensors, {name: getattr(config, name) for name in (*SETTINGS, "cell")}


def _config(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], where: str) -> NLSNConfig:
    mean = tensors.get("sub_mean.bias")
    bias = [float(value) for value in mean.flatten()[:4]] if mean is not None else []
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    config = infer_config(shapes, bias, where=where, **settings)
    missing = [f"--{name.replace('_', '-')}" for name in SETTINGS if name not in settings]
    if config.upsampler == "pixelshuffledirect" and missing:
        raise OptionError(
            f"{where}: a compact NLSN, whose settings do not follow from its shapes", f"State {' '.join(missing)}."
        )
    return config


def _facts(checkpoint: Path, out: Path, config: NLSNConfig) -> CardFacts:
    licence = stated_licence(checkpoint.parent)
    return CardFacts(
        name=out.resolve().name,
        config=config,
        licence=licence,
        summary=f"Converted from `{checkpoint.name}`.",
        licence_text="Not stated by the checkpoint. Whoever publishes this folder states it here and above."
        if licence == "unknown"
        else f"`{licence}`, as the model card beside the checkpoint states.",
    )
