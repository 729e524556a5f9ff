"""What `nlsr models` answers: which models are there, what one is, where it lies, whether it is sound. No torch, but
for `verify`, which loads the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nlsr_cli.errors import ModelError, NlsrError
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.zoo.header import read_header
from nlsr_cli.zoo.infer import check_shapes, count_parameters
from nlsr_cli.zoo.registry import DEFAULT_FAMILY, EMBEDDED
from nlsr_cli.zoo.resolve import resolve
from nlsr_cli.zoo.source import CARD_NAME, ModelSource, check_digests, read_config, sha256_of, stated_licence


@dataclass(frozen=True)
class ModelFacts:
    """What can be said of a model without running it. `size` counts the bytes of the weights file.

    `psnr` and `ssim` are of Set5, on the Y channel, and known for embedded models only. `sha256` is that of the weights
    file, computed by `describe`; in a listing it is the published one, or "".
    """

    name: str
    kind: str
    scale: int
    config: NLSNConfig
    parameters: int
    size: int
    sha256: str
    licence: str
    revision: str | None
    path: Path
    psnr: float | None = None
    ssim: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One check of `verify`: what was checked, whether it passed, and what to know about it."""

    check: str
    ok: bool
    detail: str = field(default="")


def list_models() -> list[ModelFacts]:
    """Return the embedded models, then those of the Hub that lie in the local cache and that nlsr can run."""
    return [_facts(resolve(name, None), hashed=False) for name in EMBEDDED] + _cached_models()


def describe(source: ModelSource) -> ModelFacts:
    """Read what a model is from its config and from the header of its weights.

    Raises:
        WeightsCorrupt, WeightsMismatch: the files are unsound or do not belong together.
    """
    return _facts(source, hashed=True)


def pull(model: str, *, offline: bool = False) -> ModelSource:
    """Make sure that a model is here, complete and unaltered, fetching it from the Hub where that is its place.

    Raises:
        UnknownModel, DownloadFailed, WeightsCorrupt, WeightsMismatch: it cannot be had, or is not sound.
    """
    source = resolve(model, None, offline=offline)
    check_digests(source)
    check_shapes(read_header(source.weights).shapes, source.network, str(source.weights))
    return source


def locate(model: str | None, scale: int | None = None) -> Path:
    """Return the folder of a model that is on this machine; the network is not asked.

    Raises:
        UnknownModel: nothing answers to that name.
        DownloadFailed: it is a Hub model that was not fetched yet.
    """
    return resolve(model, scale, offline=True).weights.parent


def verify(source: ModelSource) -> list[Finding]:
    """Check everything that can be checked, and report each check: digests, header, tensors against config, values."""
    findings = [_digest_finding(source, path) for path in _files(source)]
    findings.append(_try("tensors fit the config", lambda: _check_structure(source)))
    findings.append(_try("loads, and every value is finite", lambda: _load(source)))
    return findings


def verify_named(model: str | None, scale: int | None = None, *, offline: bool = False) -> tuple[str, list[Finding]]:
    """Find a model and `verify` it; return the name to show and the findings.

    A model that cannot be found or read at all gives one failed finding: those after it are to be checked all the same.
    """
    try:
        source = resolve(model, scale, offline=offline)
    except NlsrError as exc:
        return model or DEFAULT_FAMILY, [Finding("can be found and read", False, exc.message)]
    return source.name, verify(source)


def _facts(source: ModelSource, *, hashed: bool) -> ModelFacts:
    header = read_header(source.weights)
    shapes = header.shapes
    check_shapes(shapes, source.network, str(source.weights))
    known = EMBEDDED.get(source.name) if source.kind == "embedded" else None
    return ModelFacts(
        name=source.name,
        kind=source.kind,
        scale=source.scale,
        config=source.network,
        parameters=count_parameters(shapes),
        size=header.size,
        sha256=sha256_of(source.weights) if hashed else source.sha256.get(source.weights.name, ""),
        licence=known.licence if known else stated_licence(source.weights.parent),
        revision=source.revision,
        path=source.weights.parent,
        psnr=known.psnr if known else None,
        ssim=known.ssim if known else None,
        notes=source.notes,
    )


def _cached_models() -> list[ModelFacts]:
    try:
        from nlsr_cli.zoo.hub import list_cached
    except ModelError:  # a typing error in HF_ENDPOINT must not hide the embedded models
        return []
    found = []
    for repo_id, files in list_cached():
        try:
            network, notes = read_config(files.config, files.weights)
            source = ModelSource(
                f"{repo_id}@{files.commit}",
                "hub",
                files.weights,
                files.config,
                network,
                files.commit,
                files.sha256,
                notes,
            )
            found.append(_facts(source, hashed=False))
        except ModelError:  # the cache is shared with every other program: most of what lies there is not ours
            continue
    return found


def _files(source: ModelSource) -> list[Path]:
    files = [path for path in (source.config, source.weights) if path is not None]
    return files + [source.weights.with_name(name) for name in source.sha256 if name == CARD_NAME]


def _digest_finding(source: ModelSource, path: Path) -> Finding:
    wanted = source.sha256.get(path.name)
    check = f"{path.name} is unaltered" if wanted else f"{path.name} can be read"
    try:
        found = sha256_of(path)
    except ModelError as exc:
        return Finding(check, False, exc.message)
    if wanted is None:
        return Finding(check, True, f"no published SHA-256 to compare with; it is {found}")
    return Finding(check, found == wanted, f"SHA-256 {found}" + ("" if found == wanted else f", published {wanted}"))


def _try(check: str, action: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, action())
    except ModelError as exc:
        return Finding(check, False, exc.message)


def _check_structure(source: ModelSource) -> str:
    shapes = read_header(source.weights).shapes
    check_shapes(shapes, source.network, str(source.weights))
    return f"{len(shapes)} tensors, {count_parameters(shapes)} values"


def _load(source: ModelSource) -> str:
    from nlsr_cli.zoo.checkpoint import load_model

    load_model(source)
    return ""
