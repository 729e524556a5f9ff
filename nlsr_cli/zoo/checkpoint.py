"""Weights to networks and back: strict, hashed where a hash is known, one format (config.json + model.safetensors)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nlsr_cli.errors import ModelError, UnknownChoice, WeightsCorrupt, WeightsMismatch
from nlsr_cli.files import replace_files
from nlsr_cli.nlsn import NLSN
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.options import STORES
from nlsr_cli.zoo.header import Header, encode_header, read_header
from nlsr_cli.zoo.infer import check_shapes
from nlsr_cli.zoo.source import CARD_NAME, CONFIG_KEY, CONFIG_NAME, WEIGHTS_NAME, ModelSource, check_digests

STORED_DTYPES = ("F32", "F16")
_LAYOUTS = {"float32": ("F32", torch.float32, "<f4"), "float16": ("F16", torch.float16, "<f2")}  # of STORES


def load_model(source: ModelSource) -> NLSN:
    """Load a network strictly: float32, on the CPU, in evaluation mode.

    Everything that can be checked in the header is checked before memory is taken, so that no more is taken than the
    file itself is long (twice that for half-precision storage).

    Raises:
        WeightsCorrupt: a file is truncated, altered or hostile, or holds NaN or infinity.
        WeightsMismatch: the tensors are not those of the config.
    """
    check_digests(source)
    header = read_header(source.weights)
    check_dtypes(header)
    check_shapes(header.shapes, source.network, str(source.weights))
    try:
        tensors = load_file(source.weights)
    except (SafetensorError, OSError) as exc:
        raise WeightsCorrupt(f"{source.weights}: {exc}", "Download or copy the file again.") from exc
    return build(source.network, tensors, str(source.weights))


def build(config: NLSNConfig, tensors: Mapping[str, Tensor], where: str) -> NLSN:
    """Return NLSN(config) with these tensors, as float32 in evaluation mode; their names and shapes must fit.

    Raises:
        WeightsMismatch: a name or a shape does not fit.
        WeightsCorrupt: a value is NaN or infinite.
    """
    check_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()}, config, where)
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsCorrupt(f"{where}: tensor {name} holds NaN or infinity", "Use another checkpoint.")
    model = NLSN(config)
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
    return model.eval()


def check_dtypes(header: Header) -> None:
    """Accept float32 and float16 storage.

    Raises:
        WeightsMismatch: a tensor is stored otherwise.
    """
    for name, entry in header.tensors.items():
        if entry.dtype not in STORED_DTYPES:
            raise WeightsMismatch(
                f"{header.path}: tensor {name} is stored as {entry.dtype}, not {' or '.join(STORED_DTYPES)}",
                f"Store it as float32: nlsr models convert {shlex.quote(str(header.path))} FOLDER",
            )


def save_model(model: NLSN, folder: Path, card: str, *, store: str = "float32") -> None:
    """Write config.json, model.safetensors and README.md into `folder`: the same model gives the same bytes.

    All three are complete under temporary names before the first takes its place. The config also travels in the
    header of the weights, so that this one file is enough. `store` is float32 or float16, which halves the file.

    Raises:
        OptionError: `store` is neither.
        ModelError: the folder cannot be written, or a value does not fit into float16.
    """
    contents = {
        folder / WEIGHTS_NAME: stored_weights(model, store=store),
        folder / CONFIG_NAME: _config_text(model).encode(),
        folder / CARD_NAME: card.encode(errors="backslashreplace"),  # names of files need not be text
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_files(contents)
    except OSError as exc:
        raise ModelError(
            f"{folder} cannot be written: {exc.strerror}", "Check its permissions and free space."
        ) from exc


def stored_weights(model: NLSN, *, store: str = "float32") -> bytes:
    """Return the safetensors file of a model, with its config in the header.

    Raises:
        OptionError, ModelError: as `encode_weights`.
    """
    return encode_weights(model.state_dict(), _config_text(model), store=store)


def _config_text(model: NLSN) -> str:
    return json.dumps(asdict(model.config), indent=2) + "\n"


def encode_weights(tensors: Mapping[str, Tensor], config: str, *, store: str = "float32") -> bytes:
    """Return a safetensors file: float32 or float16 in order of name, with `config` in the header.

    Raises:
        OptionError: `store` is neither.
        ModelError: a value is too large for float16.
    """
    if store not in STORES:
        raise UnknownChoice("storage", store, STORES)
    label, dtype, layout = _LAYOUTS[store]
    stored = {name: tensors[name].detach().to("cpu", dtype).contiguous() for name in sorted(tensors)}
    for name, tensor in stored.items():
        if not bool(torch.isfinite(tensor).all()) and bool(torch.isfinite(tensors[name]).all()):
            raise ModelError(f"tensor {name} holds values too large for {store}", "Store it as float32.")
    header = encode_header(
        {name: (label, tuple(tensor.shape)) for name, tensor in stored.items()},
        {"format": "pt", CONFIG_KEY: json.dumps(json.loads(config), separators=(",", ":"))},
    )
    return header + b"".join(tensor.numpy().astype(layout, copy=False).tobytes() for tensor in stored.values())
