"""Fetching from the Hugging Face Hub through its own client, whose cache, token, mirror and proxies are the user's.

Everything the client raises becomes one of ours here, and nowhere else. The client reads HF_HOME, HF_ENDPOINT,
HF_HUB_OFFLINE and the rest when it is imported, which is when this module is.
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

from nlsr_cli.errors import DownloadFailed, ModelError, UnknownModel
from nlsr_cli.zoo.source import CONFIG_NAME, WEIGHTS_NAME

COMMIT_PATTERN = re.compile(r"[0-9a-f]{40}")
SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
ATTEMPTS = 2  # to reach the Hub at all; each waits HF_HUB_ETAG_TIMEOUT, ten seconds unless the user set another

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
    except (HTTPError, _httpx.InvalidURL, OSError, ValueError, RuntimeError) as exc:
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
    for config in sorted(cache_root().glob(f"models--*/snapshots/*/{CONFIG_NAME}")):
        weights = config.with_name(WEIGHTS_NAME)
        if weights.is_file() and config.is_file():
            repo_id = config.parents[2].name.removeprefix("models--").replace("--", "/")
            found.append((repo_id, _in_snapshot(config, weights)))
    return found


def _knock(repo_id: str, revision: str) -> None:
    """Ask the Hub for the revision once or twice: the client's own retries take minutes where no host answers."""
    url = hf_hub_url(repo_id, CONFIG_NAME, revision=revision)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError):
            raise
        except HTTPError as exc:
            if attempt == ATTEMPTS or (_status(exc) or 500) < 500:
                raise
            time.sleep(1)
        else:
            return


def _download(repo_id: str, revision: str) -> HubModel:
    config = Path(hf_hub_download(repo_id, CONFIG_NAME, revision=revision))
    # The branch may move between two requests: the second file is taken from the commit that the first one came from.
    weights = Path(hf_hub_download(repo_id, WEIGHTS_NAME, revision=config.parent.name))
    return _in_snapshot(config, weights)


def _in_snapshot(config: Path, weights: Path) -> HubModel:
    # Large files lie in the cache under the digest that the Hub published for them; small ones under git's.
    names = {path.name: path.resolve().name for path in (config, weights)}
    digests = {name: blob for name, blob in names.items() if SHA256_PATTERN.fullmatch(blob)}
    return HubModel(config, weights, config.parent.name, digests)


def _refuse_offline(repo_id: str, revision: str) -> HubModel:
    raise DownloadFailed(
        f"{repo_id}@{revision} is not in the cache {cache_root()}, and the network is not to be used",
        f"Once, without --offline and HF_HUB_OFFLINE: nlsr models pull {repo_id}",
    )


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep the client's retry warnings off the terminal, unless the user asked to hear them: errors are told by ours."""
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


def _reason(exc: BaseException) -> str:
    """Say in a few words why the Hub gave nothing."""
    host = constants.ENDPOINT
    if isinstance(exc, LocalEntryNotFoundError) and exc.__cause__ is not None:
        return _reason(exc.__cause__)
    if status := _status(exc):
        return f"{host} answered with HTTP status {status}"
    if isinstance(exc, _httpx.TimeoutException):
        return f"{host} did not answer in time"
    if isinstance(exc, _httpx.ProxyError):
        return f"the proxy on the way to {host} refused"
    if isinstance(exc, OfflineModeIsEnabled):
        return "the network is switched off by HF_HUB_OFFLINE"
    if isinstance(exc, FileMetadataError):
        return f"{host} does not answer like a Hub"
    if isinstance(exc, _httpx.RemoteProtocolError):
        return f"{host} broke off the transfer"
    return f"{host} cannot be reached"


def _explain(exc: Exception, repo_id: str, revision: str) -> ModelError:
    """Turn what the client raised into one line on what is wrong and one on what to do: most specific first."""
    what, host, cache = f"{repo_id}@{revision}", constants.ENDPOINT, cache_root()
    again = f"Try again later, or use a copy: a folder, or the cache {cache} with --offline."
    if isinstance(exc, HFValidationError):
        return UnknownModel(f"'{repo_id}' is no valid Hub id", "Hub ids look like owner/repo or owner/repo@revision.")
    if isinstance(exc, GatedRepoError):
        hint = f"Accept its terms at {host}/{repo_id}, then run `hf auth login` or set HF_TOKEN."
        return DownloadFailed(f"{what}: the repository is gated", hint)
    if isinstance(exc, RevisionNotFoundError):
        return UnknownModel(
            f"{repo_id} has no revision '{revision}'", f"See {host}/{repo_id} for its branches and tags."
        )
    if isinstance(exc, RepositoryNotFoundError) or _status(exc) in (401, 403):
        hint = "Check the spelling; for a private one run `hf auth login` or set HF_TOKEN."
        return UnknownModel(f"{host} has no repository {repo_id}, or keeps it private", hint)
    if isinstance(exc, EntryNotFoundError) and not isinstance(exc, LocalEntryNotFoundError):
        hint = "nlsr reads repositories made by `nlsr models convert`, or NLSN.push_to_hub."
        return UnknownModel(f"{what} lacks {CONFIG_NAME} or {WEIGHTS_NAME}", hint)
    if isinstance(exc, (HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, FileMetadataError)):
        return DownloadFailed(f"{what} could not be fetched: {_reason(exc)}", again)
    if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return DownloadFailed(
            f"{what} could not be stored: the disk is full", f"Free space in {cache}, or set HF_HOME."
        )
    if isinstance(exc, OSError) and exc.errno is not None:
        reason = f"{what} could not be stored in {cache}: {exc.strerror}"
        return DownloadFailed(reason, "Check its permissions, or set HF_HOME to a folder that can be written.")
    if isinstance(exc, _httpx.InvalidURL):
        return DownloadFailed(f"{host} is not a usable address", "Check HF_ENDPOINT and the proxy settings.")
    first = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
    return DownloadFailed(f"{what} could not be fetched: {first}", again)
