"""Weights to networks and back: strict, hashed where a hash is known, one format (config.json + model.safetensors)."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nlsr_cli.errors import ModelError, WeightsCorrupt, WeightsMismatch
from nlsr_cli.nlsn import NLSN
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.zoo.header import Header, encode_header, read_header
from nlsr_cli.zoo.infer import check_shapes
from nlsr_cli.zoo.source import CARD_NAME, CONFIG_KEY, CONFIG_NAME, WEIGHTS_NAME, ModelSource, check_digests

STORED_DTYPES = ("F32", "F16")


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
                f"Store it as float32: nlsr models convert {header.path} FOLDER",
            )


def save_model(model: NLSN, folder: Path, card: str) -> None:
    """Write config.json, model.safetensors and README.md into `folder`: the same model gives the same bytes.

    All three are complete under temporary names before the first takes its place. The config also travels in the
    header of the weights, so that this one file is enough.

    Raises:
        ModelError: the folder cannot be written.
    """
    config = json.dumps(asdict(model.config), indent=2) + "\n"
    contents = {
        WEIGHTS_NAME: encode_weights(model.state_dict(), config),
        CONFIG_NAME: config.encode(),
        CARD_NAME: card.encode(),
    }
    written: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for name, data in contents.items():
                written[name] = _write_beside(folder / name, data)
            for name, temporary in written.items():
                temporary.replace(folder / name)
        finally:
            for temporary in written.values():
                temporary.unlink(missing_ok=True)
    except OSError as exc:
        raise ModelError(
            f"{folder} cannot be written: {exc.strerror}", "Check its permissions and free space."
        ) from exc


def encode_weights(tensors: Mapping[str, Tensor], config: str) -> bytes:
    """Return a safetensors file: float32 in order of name, with `config` in the header."""
    stored = {name: tensors[name].detach().to("cpu", torch.float32).contiguous() for name in sorted(tensors)}
    header = encode_header(
        {name: ("F32", tuple(tensor.shape)) for name, tensor in stored.items()},
        {"format": "pt", CONFIG_KEY: json.dumps(json.loads(config), separators=(",", ":"))},
    )
    return header + b"".join(tensor.numpy().astype("<f4", copy=False).tobytes() for tensor in stored.values())


def _write_beside(path: Path, data: bytes) -> Path:
    """Write `data` durably under a temporary name in the folder of `path`, and return that name."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp keeps files private; a model is read by others too
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
