"""From a model's place to an enlarged picture, through the command line: the Hub, and the authors' checkpoints."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nlsr_cli.nlsn import NLSN
from nlsr_cli.zoo import EMBEDDED
from tests.conftest import pixels
from tests.test_cli import run
from tests.zoo.hub_server import serve

Maker = Callable[..., NLSN]


def test_hub_model_from_pull_to_picture_and_again_without_network(sample: Path, tmp_path: Path) -> None:
    folder = EMBEDDED["nlsn-lite-x2"].folder
    files = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}

    def nlsr(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nlsr_cli", *map(str, arguments)]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    with serve() as hub:
        env = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
        env |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hub")}
        commit = hub.push("someone/nlsn", files)
        pulled = nlsr("models", "pull", "someone/nlsn@main")
        assert pulled.returncode == 0, pulled.stderr
        assert Path(pulled.stdout.strip(), "model.safetensors").is_file()
        assert f"someone/nlsn@main is commit {commit}" in pulled.stderr
        online = nlsr("upscale", sample, "--model", "someone/nlsn", "--no-provenance", "-o", tmp_path / "online.png")
        assert online.returncode == 0, online.stderr
        unknown = nlsr("upscale", sample, "--model", "someone/else", "-o", tmp_path / "no.png")
        assert unknown.returncode in (1, 2)
        assert "someone/else" in unknown.stderr
    offline = nlsr(
        "upscale",
        sample,
        "--model",
        f"someone/nlsn@{commit}",
        "--offline",
        "--no-provenance",
        "-o",
        tmp_path / "offline.png",
    )
    assert offline.returncode == 0, offline.stderr
    assert (tmp_path / "online.png").read_bytes() == (tmp_path / "offline.png").read_bytes()
    assert not (tmp_path / "no.png").exists()
    assert "someone/nlsn" in nlsr("models", "list").stdout
    missing = nlsr("models", "pull", "someone/nlsn@v9", "--offline")
    assert missing.returncode == 1
    hint = next(line for line in missing.stderr.splitlines() if line.startswith("hint: "))
    assert str(tmp_path / "hub") in missing.stderr + hint


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_published_checkpoint_from_pt_to_picture(scale: int, sample: Path, tmp_path: Path, tiny_network: Maker) -> None:
    network = tiny_network(scale=scale, n_feats=16, n_resblocks=8)
    torch.save(network.state_dict(), tmp_path / "model.pt")
    options = ["--chunk-size", 16, "--n-hashes", 2, "--res-scale", 1.0]
    converted = run("models", "convert", tmp_path / "model.pt", tmp_path / "out", *options)
    assert converted.exit_code == 0, converted.stderr
    assert converted.stdout == f"{tmp_path / 'out'}\n"
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config.items() >= {"scale": scale, "n_feats": 16, "n_resblocks": 8, "chunk_size": 16}.items()
    result = run(
        "upscale", sample, "--model", tmp_path / "out", "--precision", "fp32", "--floor", 0, "-o", tmp_path / "a.png"
    )
    assert result.exit_code == 0, result.stderr
    assert pixels(tmp_path / "a.png").shape == (40 * scale, 48 * scale, 3)


def test_verify_goes_on_after_a_model_that_cannot_be_read(tmp_path: Path) -> None:
    result = run("models", "verify", tmp_path / "nothing.safetensors", "nlsn-lite-x2")
    assert result.exit_code == 1
    assert result.stdout.count("FAIL") == 1
    assert result.stdout.count("ok  ") == 5


def test_convert_into_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("models", "convert", EMBEDDED["nlsn-lite-x2"].folder / "model.safetensors", "")
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_of_the_hub_do_not_stop_the_doctor() -> None:
    env = {**os.environ, "HF_HUB_ETAG_TIMEOUT": "soon", "HF_TOKEN": "hf_secret"}
    command = [sys.executable, "-m", "nlsr_cli", "doctor"]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "HF_HUB_ETAG_TIMEOUT" in result.stdout
    assert "hf_secret" not in result.stdout, "what the doctor says is posted in public"


def test_convert_takes_what_the_file_itself_says(tmp_path: Path) -> None:
    """The published defaults must not overrule a config that travels with the weights."""
    weights = EMBEDDED["nlsn-lite-x2"].folder / "model.safetensors"
    assert run("models", "convert", weights, tmp_path / "out").exit_code == 0
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["res_scale"], config["image_skip"], config["chunk_size"]) == (1.0, "bilinear", 32)
    assert (config["attention_at"], config["cell"], config["degradations"]) == ([8], 2, 2)
