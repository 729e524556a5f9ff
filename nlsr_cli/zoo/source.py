"""Where one model's files lie, what network they ask for, and whether they are the bytes they should be. No torch."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nlsr_cli.errors import ModelError, OptionError, WeightsCorrupt, WeightsMismatch
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.zoo.card import licence_of
from nlsr_cli.zoo.files import open_regular, read_start
from nlsr_cli.zoo.header import Header, read_header
from nlsr_cli.zoo.infer import infer_config

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
RUN_MODEL = "model"  # where a training run puts its model; with several scales they are model-x2 and so on
RUN_STATE = "state.pt"  # what a training run goes on from; it holds more than a model
CARD_NAME = "README.md"
CONFIG_KEY = "nlsr_config"  # in the safetensors header: the same text as config.json, so that one file is enough

MAX_CONFIG_BYTES = 2**16
MAX_CARD_BYTES = 2**16  # what states the licence comes first
READ_BLOCK = 2**20


def run_model(scale: int) -> str:
    """Return the name of the folder of one model of a training run with several scales."""
    return f"{RUN_MODEL}-x{scale}"


@dataclass(frozen=True)
class ModelSource:
    """One model that was found: its files, the network they are for, and what is known of their origin.

    `revision` is the commit on the Hub; `sha256` maps file names to the digests they must have, where these are known;
    `notes` are sentences that the user should read (a guessed config, a copy that could not be refreshed).
    """

    name: str
    kind: Literal["embedded", "local", "hub"]
    weights: Path
    config: Path | None
    network: NLSNConfig
    revision: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def scale(self) -> int:
        """How many times the model enlarges."""
        return self.network.scale


def read_config(config: Path | None, weights: Path) -> tuple[NLSNConfig, tuple[str, ...]]:
    """Return the network that the files ask for, and notes: from config.json, else the weights' header, else shapes.

    Only the published layout is ever guessed from shapes, and the guess is noted. The compact layout has no published
    settings to fall back on: a wrong res_scale or image_skip would enlarge to garbage without an error.

    Raises:
        WeightsCorrupt: a file is not what its name says.
        WeightsMismatch: its values are not those of an NLSN.
    """
    beside = parse_config(_read_text(config), str(config)) if config is not None else None
    header = read_header(weights)
    text = header.metadata.get(CONFIG_KEY)
    carried = parse_config(text, f"{weights} (header)") if text is not None else None
    if beside is not None and carried is not None and beside != carried:
        return beside, (
            f"{CONFIG_NAME} differs from the config in the header of {weights.name}, and takes precedence.",
        )
    stated = beside or carried
    return (stated, ()) if stated else _guess(header)


def parse_config(text: str, where: str) -> NLSNConfig:
    """Build a config from JSON text that comes from anywhere.

    Raises:
        WeightsCorrupt: it is not a JSON object.
        WeightsMismatch: it is one, but not the settings of an NLSN.
    """
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise WeightsCorrupt(f"{where}: not valid JSON", "Download or copy the file again.") from exc
    if not isinstance(values, dict):
        raise WeightsCorrupt(f"{where}: not a JSON object", "Download or copy the file again.")
    try:
        return NLSNConfig.from_dict(values)
    except OptionError as exc:
        raise WeightsMismatch(f"{where}: {exc.message}", exc.hint or "nlsr cannot run this model.") from exc


def stated_licence(folder: Path) -> str:
    """Return the licence that the model card in `folder` states, or "unknown"."""
    try:
        card = read_start(folder / CARD_NAME, MAX_CARD_BYTES).decode("utf-8", errors="replace")
    except OSError:  # most often there is none: only the two files that are needed are fetched from the Hub
        return "unknown"
    return licence_of(card) or "unknown"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal digits.

    Raises:
        ModelError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while block := file.read(READ_BLOCK):
                digest.update(block)
    except OSError as exc:
        raise ModelError(f"{path} cannot be read: {exc.strerror}", "Check the path and its permissions.") from exc
    return digest.hexdigest()


def check_digests(source: ModelSource) -> None:
    """Compare every file that is about to be loaded with the digest it must have, where that is known.

    Raises:
        WeightsCorrupt: the bytes are others.
    """
    for path in filter(None, (source.config, source.weights)):
        wanted = source.sha256.get(path.name)
        if wanted is not None and sha256_of(path) != wanted:
            raise WeightsCorrupt(f"{path}: not the file that was published (SHA-256 differs)", repair_hint(source))


def repair_hint(source: ModelSource) -> str:
    """Say how to get sound files again."""
    if source.kind == "embedded":
        return "Install nlsr again, in its checkout: python3 -m pip install --force-reinstall --no-deps ."
    if source.kind == "hub":
        folder = source.weights.parents[2]  # snapshots/<commit>/ lies in the repository's folder of the cache
        return f"Delete {folder} and run: nlsr models pull {source.name}"
    return "Download or copy the file again."


def _read_text(path: Path) -> str:
    try:
        data = read_start(path, MAX_CONFIG_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as exc:
        raise ModelError(f"{path} cannot be read: {exc.strerror}", "Check the path and its permissions.") from exc
    except UnicodeDecodeError as exc:
        raise WeightsCorrupt(f"{path}: not a text file", "Download or copy the file again.") from exc
    if len(data) > MAX_CONFIG_BYTES:
        raise WeightsCorrupt(f"{path}: longer than {MAX_CONFIG_BYTES} bytes, so not the config of a model")
    return text


def _guess(header: Header) -> tuple[NLSNConfig, tuple[str, ...]]:
    network = infer_config(header.shapes, header.read_vector("sub_mean.bias"), where=str(header.path))
    if network.upsampler != "pixelshuffle":
        path = shlex.quote(str(header.path))
        raise WeightsMismatch(
            f"{header.path}: no config.json beside it and none in its header",
            f"Put its config.json beside it, or state the settings: nlsr models convert {path} FOLDER",
        )
    note = (
        f"{header.path.name} carries no config: chunk_size {network.chunk_size}, n_hashes {network.n_hashes} and "
        f"res_scale {network.res_scale:g} are taken from the published model."
    )
    return network, (note,)
