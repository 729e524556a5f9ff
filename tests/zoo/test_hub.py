"""The real Hub client against a Hub of our own: each test is a process with the environment that a user would set."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub.errors
import pytest

from nlsr_cli.errors import DownloadFailed, WeightsCorrupt
from nlsr_cli.zoo import EMBEDDED, ModelSource
from nlsr_cli.zoo import hub as hub_client
from nlsr_cli.zoo.source import check_digests, read_config
from tests.zoo.hub_server import FakeHub, serve

ROOT = Path(__file__).parents[2]
REPO = "someone/nlsn-x2"

CLIENT = """
import json, sys
from nlsr_cli.errors import NlsrError
from nlsr_cli.zoo import list_models, locate, pull, resolve
verb, model, offline = sys.argv[1], sys.argv[2], sys.argv[3] == "yes"
try:
    if verb == "list":
        result = {"models": [[facts.name, facts.sha256] for facts in list_models()]}
    elif verb == "locate":
        result = {"folder": str(locate(model))}
    elif verb == "fetch":
        from nlsr_cli.zoo import hub
        result = {"weights": str(hub.fetch(model).weights)}
    else:
        call = pull(model, offline=offline) if verb == "pull" else resolve(model, None, offline=offline)
        result = {"name": call.name, "kind": call.kind, "scale": call.scale, "revision": call.revision,
                  "config": str(call.config), "weights": str(call.weights), "sha256": call.sha256, "notes": call.notes}
    result["torch"] = "torch" in sys.modules
except NlsrError as exc:
    result = {"error": type(exc).__name__, "message": exc.message, "hint": exc.hint}
print(json.dumps(result))
"""


def embedded_files(name: str = "nlsn-lite-x2") -> dict[str, bytes]:
    folder = EMBEDDED[name].folder
    return {file: (folder / file).read_bytes() for file in ("config.json", "model.safetensors", "README.md")}


@dataclass
class User:
    """Someone with a cache of their own, who runs nlsr against one Hub."""

    home: Path
    endpoint: str

    def run(self, model: str = REPO, *, verb: str = "resolve", offline: bool = False, **env: str) -> dict[str, Any]:
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "HF_HOME": str(self.home / "hf"),
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, verb, model, "yes" if offline else "no"],
            env=variables | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == "", "the client's talk reached the terminal"
        result = json.loads(done.stdout)
        assert not result.get("torch"), "finding a model must not load torch"
        assert "\n" not in result.get("message", "") + result.get("hint", "")
        return dict(result)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serve() as running:
        running.push(REPO, embedded_files())
        yield running


@pytest.fixture
def user(hub: FakeHub, tmp_path: Path) -> User:
    return User(tmp_path, hub.url)


def test_a_model_is_fetched_by_id_and_pinned_to_its_commit(hub: FakeHub, user: User) -> None:
    found = user.run(verb="pull")
    commit = hub.refs[REPO, "main"]
    assert (found["name"], found["kind"], found["scale"]) == (REPO, "hub", 2)
    assert found["revision"] == commit
    assert found["notes"] == []
    assert Path(found["weights"]).read_bytes() == embedded_files()["model.safetensors"]
    assert found["sha256"] == {"model.safetensors": EMBEDDED["nlsn-lite-x2"].files["model.safetensors"]}
    assert Path(found["weights"]).parent.name == commit
    asked = {path.rsplit("/", 1)[-1] for _, path, _ in hub.requests}
    assert asked == {"config.json", "model.safetensors"}, "nothing but the two files is fetched"


def test_revisions_are_branches_and_commits(hub: FakeHub, user: User) -> None:
    first = hub.refs[REPO, "main"]
    second = hub.push(REPO, embedded_files("nlsn-lite-x4"))
    hub.refs[REPO, "refs/pr/1"] = first
    assert user.run()["revision"] == second
    by_commit = user.run(f"{REPO}@{first}")
    assert (by_commit["revision"], by_commit["scale"], by_commit["name"]) == (first, 2, f"{REPO}@{first}")
    assert user.run(f"{REPO}@refs/pr/1")["revision"] == first


def test_a_fetched_model_needs_no_network(hub: FakeHub, user: User) -> None:
    there = user.run()
    hub.requests.clear()
    commit = there["revision"]
    assert user.run(f"{REPO}@{commit}")["weights"] == there["weights"]
    assert user.run(offline=True)["weights"] == there["weights"]
    assert user.run(HF_HUB_OFFLINE="1")["weights"] == there["weights"]
    assert user.run(verb="locate")["folder"] == str(Path(there["weights"]).parent)
    assert hub.requests == [], "a commit in the cache, and every offline call, stay off the network"
    hub.status = 503
    down = user.run()
    assert down["weights"] == there["weights"]
    assert "503" in down["notes"][0]
    assert commit[:12] in down["notes"][0]


def test_offline_and_not_in_the_cache(user: User) -> None:
    for found in (user.run(offline=True), user.run(HF_HUB_OFFLINE="1"), user.run(verb="locate")):
        assert found["error"] == "DownloadFailed"
        assert REPO in found["message"]
        assert str(user.home / "hf") in found["message"]
        assert found["hint"].endswith(f"nlsr models pull {REPO}")
    assert user.run(f"{REPO}@v1", offline=True)["hint"].endswith(f"nlsr models pull {REPO}@v1")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (f"{REPO}@no-such-branch", f"{REPO} has no revision 'no-such-branch'"),
        (f"{REPO}@{'0' * 40}", f"has no revision '{'0' * 40}'"),
        ("someone/else", "has no repository someone/else"),
        ("someone/nlsn--x2", "'someone/nlsn--x2' is not a valid Hub id"),
        (f"{REPO}@../../../secrets", f"unknown model '{REPO}@../../../secrets'"),
    ],
)
def test_what_the_hub_does_not_have(user: User, model: str, said: str) -> None:
    found = user.run(model)
    assert found["error"] == "UnknownModel"
    assert said in found["message"]
    assert found["hint"]


def test_repositories_that_are_gated_forbidden_or_of_another_kind(hub: FakeHub, user: User) -> None:
    hub.push("someone/other", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    found = user.run("someone/other")
    assert (found["error"], found["message"]) == (
        "UnknownModel",
        "someone/other@main lacks config.json or model.safetensors",
    )
    hub.gated.add(REPO)
    found = user.run()
    assert (found["error"], found["message"]) == ("DownloadFailed", f"{REPO}@main: the repository is gated")
    assert "HF_TOKEN" in found["hint"]
    hub.status = 401
    assert "keeps it private" in user.run()["message"]


def test_no_more_is_fetched_than_the_config_accounts_for(hub: FakeHub, user: User) -> None:
    """A repository may hold anything under the names that we fetch, and the disk is the user's."""
    sound = embedded_files()
    hub.push("someone/large", sound | {"model.safetensors": bytes(8 << 20)})
    hub.push("someone/long", sound | {"config.json": b" " * (1 << 17)})
    hub.push("someone/other", sound | {"config.json": b'{"model_type": "unet"}'})
    for model, said in (
        ("large", "model.safetensors has"),
        ("long", "config.json has"),
        ("other", "unknown config keys"),
    ):
        answer = user.run(f"someone/{model}")
        assert answer["error"] == "WeightsMismatch"
        assert said in answer["message"]
    fetched = [path for verb, path, _ in hub.requests if verb == "GET"]
    assert not [path for path in fetched if path.endswith("model.safetensors") or "/long/" in path]


def test_a_commit_that_is_a_path_is_no_commit(hub: FakeHub, user: User) -> None:
    files = hub.repos[REPO].pop(hub.refs[REPO, "main"])
    hub.repos[REPO]["../../../evil"] = files
    hub.refs[REPO, "main"] = "../../../evil"
    assert user.run()["error"] == "DownloadFailed"
    assert not list(user.home.rglob("evil"))


def test_a_token_opens_a_private_repository(hub: FakeHub, user: User) -> None:
    hub.private[REPO] = "secret"
    closed = user.run(HF_TOKEN="wrong")
    assert (closed["error"], "secret" in str(closed), "wrong" in str(closed)) == ("UnknownModel", False, False)
    assert "HF_TOKEN" in closed["hint"]
    assert user.run(HF_TOKEN="secret")["kind"] == "hub"


def test_a_token_that_is_refused_is_told_even_where_none_is_needed(hub: FakeHub, user: User) -> None:
    """An expired token keeps people out of public repositories, and they searched for a typing error."""
    hub.tokens = set()
    assert user.run()["kind"] == "hub", "without a token it is open"
    hub.push(REPO, embedded_files() | {"README.md": b"newer"})
    held = user.run(HF_TOKEN="hf_old")
    assert "refuses your access token" in held["notes"][0]
    hub.push("someone/new", embedded_files())
    for source in ("environment", "file"):
        if source == "file":
            (user.home / "hf" / "token").write_text("hf_old")
        found = user.run("someone/new", **({"HF_TOKEN": "hf_old"} if source == "environment" else {}))
        assert found["error"] == "DownloadFailed"
        assert found["message"].endswith("refuses your access token, which has expired or is wrong")
        assert {"environment": "unset it", "file": "hf auth logout"}[source] in found["hint"]
        assert "hf_old" not in str(found)
    (user.home / "hf" / "token").unlink()
    assert user.run("someone/new")["kind"] == "hub", "the hint works"


def test_a_broken_transfer_is_taken_up_again(hub: FakeHub, user: User) -> None:
    # The client writes in blocks of 10 MiB: only a longer file shows that it goes on where it stopped.
    long = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * (12 * 4096)}
    hub.push("someone/long", long)
    hub.cut_at, hub.cuts = 11 * 2**20, 1
    found = user.run("someone/long", verb="fetch")
    if "error" in found:  # older clients give up at once, and go on from there when they are called again
        assert (found["error"], "cut the transfer short" in found["message"]) == ("DownloadFailed", True)
        found = user.run("someone/long", verb="fetch")
    assert Path(found["weights"]).read_bytes() == long["model.safetensors"]
    assert [span for _, path, span in hub.requests if path.endswith("model.safetensors") and span] == [
        "bytes=10485760-"
    ]


def test_a_truncated_transfer_is_refused_and_leaves_nothing(hub: FakeHub, user: User) -> None:
    hub.short_by = 100_000
    found = user.run()
    assert found["error"] == "DownloadFailed"
    assert "Consistency check failed" in found["message"]
    assert f"{REPO}@main" in found["message"]
    assert user.run(offline=True)["error"] == "DownloadFailed", "half a model must not count as fetched"
    hub.short_by = 0
    assert user.run(verb="pull")["kind"] == "hub"


def test_a_failing_hub(hub: FakeHub, user: User) -> None:
    hub.status = 500
    found = user.run()
    assert found["error"] == "DownloadFailed"
    assert f"{REPO}@main could not be fetched: {hub.url} answered with HTTP status 500" == found["message"]
    assert str(user.home / "hf") in found["hint"]
    hub.status, hub.bare = 0, True
    found = user.run()
    assert found["error"] == "DownloadFailed"
    assert "does not answer like a Hub" in found["message"]
    assert "HF_ENDPOINT" in found["hint"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_an_unreachable_hub_fails_soon(tmp_path: Path, endpoint: str) -> None:
    started = time.monotonic()
    found = User(tmp_path, endpoint).run()
    assert found["error"] == "DownloadFailed"
    assert endpoint in found["message"]
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("HF_ENDPOINT", "Check HF_ENDPOINT and the "),  # HF_HUB_ or proxy settings: old clients start, and cannot ask
        ("HF_HUB_ETAG_TIMEOUT", "Check HF_HUB_ETAG_TIMEOUT."),
    ],
)
def test_senseless_settings_of_the_client(user: User, name: str, hint: str) -> None:
    found = user.run(**{name: "http://127.0.0.1:x"})
    assert found["error"] == "DownloadFailed"
    assert found["hint"].startswith(hint)
    assert len(user.run(verb="list", **{name: "http://127.0.0.1:x"})["models"]) == len(EMBEDDED)


def test_a_hub_that_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = User(tmp_path, endpoint).run(HF_HUB_ETAG_TIMEOUT="1")
    assert found["message"] == f"{REPO}@main could not be fetched: {endpoint} did not answer in time"


def test_a_cache_that_cannot_be_written(user: User) -> None:
    (user.home / "file").write_text("")
    found = user.run(HF_HOME=str(user.home / "file"))
    assert found["error"] == "DownloadFailed"
    assert f"could not be stored in {user.home / 'file'}" in found["message"]
    assert "HF_HOME" in found["hint"]


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("Consistency check failed: file should be of size 2\nPlease retry"), "Consistency check failed"),
        (PermissionError("no token for the storage"), "no token for the storage"),
        (RuntimeError("the native helper failed"), "the native helper failed"),
        (ValueError(), "ValueError"),
    ],
)
def test_other_failures_of_a_transfer(raised: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(hub_client, "cached", lambda *_: None)
    monkeypatch.setattr(hub_client, "_knock", lambda *_: None)
    monkeypatch.setattr(hub_client, "hf_hub_download", fail)
    monkeypatch.setattr(hub_client.constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(DownloadFailed) as caught:
        hub_client.fetch(REPO)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.__cause__ is raised


def test_every_error_that_the_client_may_raise_is_mapped() -> None:
    """A release of the client may bring new errors: those of its downloads derive from what `fetch` catches."""
    kinds = [kind for kind in vars(huggingface_hub.errors).values() if isinstance(kind, type)]
    caught = (hub_client.HTTPError, hub_client.EntryNotFoundError, OSError, ValueError, RuntimeError)
    named = ("NotFound", "Entry", "Gated", "Offline", "Metadata", "HfHub", "Validation", "BadRequest", "Snapshot")
    ours = [kind for kind in kinds if issubclass(kind, Exception) and any(word in kind.__name__ for word in named)]
    # Of other parts of the client: its cache report, dataclasses that check themselves, another file format.
    others = ("CacheNotFound", "CachedRepoTreeNotFoundError", "StrictDataclass", "DDUF")
    loose = [kind.__name__ for kind in ours if not issubclass(kind, caught)]
    assert [name for name in loose if not name.startswith(others)] == []


def test_a_refusing_proxy(user: User) -> None:
    found = user.run(http_proxy="http://127.0.0.1:9")
    assert found["error"] == "DownloadFailed"


def test_an_altered_file_in_the_cache_is_noticed(user: User) -> None:
    found = user.run()
    weights, config = Path(found["weights"]), Path(found["config"])
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.resolve().write_bytes(data)
    again = user.run(offline=True, verb="pull")
    assert again["error"] == "WeightsCorrupt"
    assert "nlsr models pull" in again["hint"]
    source = ModelSource(REPO, "hub", weights, config, read_config(config, weights)[0], sha256=found["sha256"])
    with pytest.raises(WeightsCorrupt, match="SHA-256 differs"):
        check_digests(source)


def test_the_listing_shows_what_is_cached_and_ours(hub: FakeHub, user: User) -> None:
    hub.push("someone/language-model", {"config.json": b'{"vocab_size": 9}', "model.safetensors": b"x" * 9000})
    assert user.run("someone/language-model")["error"] == "WeightsMismatch"
    commit = user.run()["revision"]
    listed = user.run(verb="list")["models"]
    assert [name for name, _ in listed] == ["nlsn-lite-x2", "nlsn-lite-x3", "nlsn-lite-x4", f"{REPO}@{commit}"]
    assert all(len(digest) == 64 for _, digest in listed)
