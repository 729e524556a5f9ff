"""A typing error in a variable of the Hub's client: embedded models do not need it, the Hub says which one it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.errors import DownloadFailed
from nlsr_cli.zoo import hub as hub_client
from nlsr_cli.zoo.settings import usable_settings

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json
from nlsr_cli.errors import NlsrError
from nlsr_cli.zoo import load_model, resolve, verify

def attempt(action):
    try:
        return [action()]
    except NlsrError as exc:
        return [type(exc).__name__, exc.message, exc.hint]

def cache():
    from nlsr_cli.zoo.hub import cache_root
    return str(cache_root())

source = resolve("nlsn-lite-x2", None)
model = load_model(source)
print(json.dumps({
    "loaded": type(model).__name__,
    "training": model.training,
    "verified": [finding.ok for finding in verify(source)],
    "mixin": attempt(lambda: type(model).from_pretrained(source.weights.parent).config.scale),
    "saved": attempt(lambda: model.save_pretrained("never")),
    "cache": attempt(cache),
    "again": attempt(cache),
}))
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [("HF_HUB_ETAG_TIMEOUT", "abc"), ("HF_ENDPOINT", "http://127.0.0.1:x")],
    ids=["number", "address"],
)
def test_embedded_models_load_all_the_same(name: str, value: str, tmp_path: Path) -> None:
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), name: value}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=variables,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert (found["loaded"], found["training"], found["verified"]) == ("NLSN", False, [True] * 5)
    for refused in (found["mixin"], found["saved"], found["cache"], found["again"]):
        assert refused[0] == "DownloadFailed"
        assert "cannot start" in refused[1]
    if value == "abc":
        assert found["cache"][2] == found["again"][2] == f"Check {name}."
    assert list(tmp_path.iterdir()) == []


def test_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "soon")
    with pytest.raises(DownloadFailed, match="cannot start") as caught, usable_settings():
        int("soon")
    assert caught.value.hint == "Check HF_HUB_DOWNLOAD_TIMEOUT."
    with pytest.raises(DownloadFailed) as caught, usable_settings():
        int("else")
    assert caught.value.hint == "Check HF_ENDPOINT and the HF_HUB_ settings."


def test_certificates_that_are_not_there_are_no_matter_of_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(hub_client, "cached", lambda *_: None)
    monkeypatch.setattr(hub_client, "get_hf_file_metadata", fail)
    monkeypatch.setattr(hub_client.constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(DownloadFailed, match=r"no connection could be made \(No such file") as caught:
        hub_client.fetch("someone/model")
    assert "SSL_CERT_FILE" in caught.value.hint
