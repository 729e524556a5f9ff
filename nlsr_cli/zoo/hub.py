"""Fetching from the Hugging Face Hub through its own client, whose cache, token, mirror and proxies are the user's.

Everything the client raises becomes one of ours here, and nowhere else. The client reads HF_HOME, HF_ENDPOINT,
HF_HUB_OFFLINE and the rest when it is imported, which is when this module is: importing it raises DownloadFailed where
one of them makes no sense.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nlsr_cli.errors import DownloadFailed, ModelError, UnknownModel, WeightsMismatch
from nlsr_cli.zoo.files import read_start
from nlsr_cli.zoo.header import MAX_HEADER_BYTES
from nlsr_cli.zoo.infer import count_parameters, expected_shapes
from nlsr_cli.zoo.settings import usable_settings
from nlsr_cli.zoo.source import CONFIG_NAME, MAX_CONFIG_BYTES, WEIGHTS_NAME, parse_config

with usable_settings():
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import (
        EntryNotFoundError,
        FileMetadataError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

COMMIT_PATTERN = re.compile(r"[0-9a-f]{40}")
SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
ATTEMPTS = 2  # to reach the Hub at all; each waits HF_HUB_ETAG_TIMEOUT, ten seconds unless the user set another
PAUSE = 0.5  # seconds between them

# The client moved from httpx to a fork of it. Its own error still derives from the right HTTPError, whichever that is.
HTTPError: type[Exception] = HfHubHTTPError.__bases__[0]
_httpx = importlib.import_module(HTTPError.__module__.partition(".")[0])


@dataclass(frozen=True)
class HubModel:
    """One revision of a repository in the local cache. `sha256` holds the digests that the Hub published."""

    config: Path
    weights: Path
    commit: str
    sha256: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def fetch(repo_id: str, revision: str | None = None, *, offline: bool = False) -> HubModel:
    """Bring config.json and model.safetensors of one revision into the local cache, both of the same commit.

    A commit that is already there costs no network. When the Hub cannot be reached, what a branch or tag meant last
    is taken from the cache, with a note. The wait for an unreachable host is bounded by ATTEMPTS.

    Raises:
        UnknownModel: the Hub has no such repository, revision or file.
        DownloadFailed: it could not be reached, refused, broke off, or the files could not be stored.
        WeightsCorrupt, WeightsMismatch: its config is none of an NLSN, or a file is longer than such a model can be.
    """
    wanted = revision or constants.DEFAULT_REVISION
    try:
        with _quiet_client():
            held = cached(repo_id, wanted)
            if held and COMMIT_PATTERN.fullmatch(wanted):
                return held
            if offline or constants.HF_HUB_OFFLINE:
                return held or _refuse_offline(repo_id, wanted)
            try:
                _knock(repo_id, wanted)
            except (HTTPError, OfflineModeIsEnabled, FileMetadataError) as exc:
                if held is None or isinstance(exc, (RevisionNotFoundError, EntryNotFoundError)):
                    raise
                note = f"{_reason(exc)}; {repo_id}@{wanted} is the copy in the cache, commit {held.commit[:12]}."
                return replace(held, notes=(note,))
            return _download(repo_id, wanted)
    except ModelError:
        raise
    # The transfer itself may run in the client's native helper, whose failures are plain RuntimeErrors.
    except (HTTPError, _httpx.InvalidURL, EntryNotFoundError, OSError, ValueError, RuntimeError) as exc:
        raise _explain(exc, repo_id, wanted) from exc


def cached(repo_id: str, revision: str | None = None) -> HubModel | None:
    """Return what the local cache holds of a revision, if it is complete; the network is not asked."""
    config = try_to_load_from_cache(repo_id, CONFIG_NAME, revision=revision)
    if not isinstance(config, str):
        return None
    weights = try_to_load_from_cache(repo_id, WEIGHTS_NAME, revision=Path(config).parent.name)
    return _in_snapshot(Path(config), Path(weights)) if isinstance(weights, str) else None


def cache_root() -> Path:
    """Return the folder of the Hub's local cache."""
    return Path(constants.HF_HUB_CACHE)


def list_cached() -> list[tuple[str, HubModel]]:
    """Return (repository, files) of every complete revision in the cache that has the two files we need."""
    found = []
    try:
        for config in sorted(cache_root().glob(f"models--*/snapshots/*/{CONFIG_NAME}")):
            weights = config.with_name(WEIGHTS_NAME)
            if weights.is_file() and config.is_file():
                repo_id = config.parents[2].name.removeprefix("models--").replace("--", "/")
                found.append((repo_id, _in_snapshot(config, weights)))
    except (OSError, RuntimeError):  # a cache that may not be entered, or that links in a circle, holds nothing for us
        pass
    return found


def _knock(repo_id: str, revision: str) -> None:
    """Ask the Hub for the revision once or twice: the client's own retries take minutes where no host answers."""
    url = hf_hub_url(repo_id, CONFIG_NAME, revision=revision)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            metadata = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        except (
            RepositoryNotFoundError,
            RevisionNotFoundError,
            EntryNotFoundError,
            OfflineModeIsEnabled,
            FileMetadataError,
        ):
            raise
        except HTTPError as exc:
            if attempt == ATTEMPTS or (_status(exc) or 500) < 500:
                raise
            time.sleep(PAUSE)
        except OSError as exc:
            if exc.filename is not None:  # such as the user's token: a matter of the cache and its folder
                raise
            raise DownloadFailed(
                f"{repo_id}@{revision} could not be fetched: no connection could be made ({exc.strerror or exc})",
                "Check SSL_CERT_FILE, SSL_CERT_DIR and the proxy settings.",
            ) from exc
        else:
            if not COMMIT_PATTERN.fullmatch(metadata.commit_hash or ""):  # it becomes the name of a folder
                raise FileMetadataError("the answer names no commit")
            _check_length(f"{repo_id}@{revision}: {CONFIG_NAME}", metadata.size, MAX_CONFIG_BYTES)
            return


def _download(repo_id: str, revision: str) -> HubModel:
    config = Path(hf_hub_download(repo_id, CONFIG_NAME, revision=revision))
    commit = config.parent.name
    # The branch may move between two requests: the second file is taken from the commit that the first one came from.
    # A stranger's repository may hold terabytes under that name, so no more is fetched than the config accounts for.
    network = parse_config(read_start(config, MAX_CONFIG_BYTES).decode("utf-8-sig", "replace"), str(config))
    wanted = MAX_HEADER_BYTES + 4 * count_parameters(expected_shapes(network))
    url = hf_hub_url(repo_id, WEIGHTS_NAME, revision=commit)
    length = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT).size
    _check_length(f"{repo_id}@{revision}: {WEIGHTS_NAME}", length, wanted)
    return _in_snapshot(config, Path(hf_hub_download(repo_id, WEIGHTS_NAME, revision=commit)))


def _check_length(what: str, length: int | None, limit: int) -> None:
    if length is not None and length > limit:
        raise WeightsMismatch(
            f"{what} has {length} bytes, more than the {limit} that it can need; it was not fetched",
            "nlsr cannot run this model.",
        )


def _in_snapshot(config: Path, weights: Path) -> HubModel:
    # Large files lie in the cache under the digest that the Hub published for them; small ones under git's.
    names = {path.name: path.resolve().name for path in (config, weights)}
    digests = {name: blob for name, blob in names.items() if SHA256_PATTERN.fullmatch(blob)}
    return HubModel(config, weights, config.parent.name, digests)


def _refuse_offline(repo_id: str, revision: str) -> HubModel:
    model = repo_id if revision == constants.DEFAULT_REVISION else f"{repo_id}@{revision}"
    raise DownloadFailed(
        f"{repo_id}@{revision} is not in the cache {cache_root()}, and the network must not be used",
        f"Run once without --offline and HF_HUB_OFFLINE: nlsr models pull {model}",
    )


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep the client's retry warnings off the terminal, unless the user asked to hear them."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    if not (os.environ.get("HF_HUB_VERBOSITY") or os.environ.get("HF_DEBUG")):
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _status(exc: BaseException) -> int | None:
    status = getattr(getattr(exc, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _token_refused(exc: BaseException) -> bool:
    """Tell whether the Hub refuses the token itself, as it does even where a repository is public and needs none.

    Of a repository that a sound token does not open it says that it is not there.
    """
    response = getattr(exc, "response", None)
    if response is None or response.status_code != 401 or response.headers.get("X-Error-Code"):
        return False
    return "Authorization" in response.request.headers


def _token_hint() -> str:
    """Say what to do about a token that is refused; the client takes one from the environment first."""
    given = next((name for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") if os.environ.get(name)), None)
    renewed = (
        f"Set {given} to a new one or unset it" if given else "Run `hf auth login` for a new one, or `hf auth logout`"
    )
    return f"{renewed}; a public repository needs no token."


def _reason(exc: BaseException) -> str:
    """Say in a few words why the Hub gave nothing."""
    if _token_refused(exc):
        return f"{constants.ENDPOINT} refuses your access token, which has expired or is wrong"
    if status := _status(exc):
        return f"{constants.ENDPOINT} answered with HTTP status {status}"
    text = next((text for kind, text in _REASONS if isinstance(exc, kind)), "{host} cannot be reached")
    return text.format(host=constants.ENDPOINT)


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (_httpx.TimeoutException, "{host} did not answer in time"),
    (_httpx.ProxyError, "the proxy refused the connection to {host}"),
    (_httpx.RemoteProtocolError, "{host} cut the transfer short"),
    (OfflineModeIsEnabled, "HF_HUB_OFFLINE switches the network off"),
    (FileMetadataError, "{host} does not answer like a Hub"),
)

_AGAIN = "Try again later, or use a copy: a folder, or the cache {cache} with --offline."
_UNFETCHED = "{what} could not be fetched: {reason}"

# What the client raises, most specific first; what it becomes, with one line on what is wrong and one on what to do.
_BORDER: tuple[tuple[type[Exception], type[ModelError], str, str], ...] = (
    (
        HFValidationError,
        UnknownModel,
        "'{repo}' is not a valid Hub id",
        "Hub ids look like owner/repo or owner/repo@revision.",
    ),
    (
        GatedRepoError,
        DownloadFailed,
        "{what}: the repository is gated",
        "Accept its terms at {host}/{repo}, then run `hf auth login` or set HF_TOKEN.",
    ),
    (
        RevisionNotFoundError,
        UnknownModel,
        "{repo} has no revision '{revision}'",
        "See {host}/{repo} for its branches and tags.",
    ),
    (
        RepositoryNotFoundError,
        UnknownModel,
        "{host} has no repository {repo}, or keeps it private",
        "Check the spelling; for a private one run `hf auth login` or set HF_TOKEN.",
    ),
    (LocalEntryNotFoundError, DownloadFailed, _UNFETCHED, _AGAIN),
    (
        EntryNotFoundError,
        UnknownModel,
        "{what} lacks config.json or model.safetensors",
        "nlsr reads repositories made from `nlsr models convert` or NLSN.push_to_hub.",
    ),
    (OfflineModeIsEnabled, DownloadFailed, _UNFETCHED, _AGAIN),
    (FileMetadataError, DownloadFailed, _UNFETCHED, "Check HF_ENDPOINT and the proxy settings."),
    (HTTPError, DownloadFailed, _UNFETCHED, _AGAIN),
    (_httpx.InvalidURL, DownloadFailed, "{host} is not a usable address", "Check HF_ENDPOINT and the proxy settings."),
)


def _explain(exc: Exception, repo_id: str, revision: str) -> ModelError:
    """Return the error of ours that says what the client's one means."""
    if isinstance(exc, LocalEntryNotFoundError) and isinstance(exc.__cause__, Exception):
        return _explain(exc.__cause__, repo_id, revision)
    facts = {"repo": repo_id, "revision": revision, "what": f"{repo_id}@{revision}", "host": constants.ENDPOINT}
    facts |= {"cache": str(cache_root()), "reason": _reason(exc)}
    if _token_refused(exc):
        return DownloadFailed(_UNFETCHED.format(**facts), _token_hint())
    # Outside https the client does not recognise a refusal as what the Hub says of repositories that one may not see.
    kind = RepositoryNotFoundError if type(exc) is HfHubHTTPError and _status(exc) in (401, 403) else type(exc)
    for foreign, ours, message, hint in _BORDER:
        if issubclass(kind, foreign):
            return ours(message.format(**facts), hint.format(**facts))
    if isinstance(exc, OSError) and exc.errno is not None:
        full = exc.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota error
        hint = (
            f"Free space in {cache_root()}, or set HF_HOME."
            if full
            else "Set HF_HOME to a folder that you can write to."
        )
        return DownloadFailed(f"{facts['what']} could not be stored in {cache_root()}: {exc.strerror}", hint)
    first = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
    return DownloadFailed(f"{facts['what']} could not be fetched: {first}", _AGAIN.format(**facts))
