"""Names to files: families, embedded names, paths; and that none of it loads a heavy package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.errors import (
    DownloadFailed,
    ModelError,
    NlsrError,
    OptionError,
    UnknownModel,
    WeightsCorrupt,
    WeightsMismatch,
)
from nlsr_cli.zoo import EMBEDDED, describe, find_models, list_models, locate, resolve, weights_root
from nlsr_cli.zoo.registry import families, find_embedded, scales_of


@pytest.mark.parametrize(
    ("model", "scale", "found"),
    [
        (None, None, "nlsn-lite-x4"),
        (None, 2, "nlsn-lite-x2"),
        ("lite", 2, "nlsn-lite-x2"),
        ("nlsn-lite", 4, "nlsn-lite-x4"),
        ("nlsn-lite-x2", None, "nlsn-lite-x2"),
        ("nlsn-lite-x4", 4, "nlsn-lite-x4"),
    ],
)
def test_names_of_embedded_models(model: str | None, scale: int | None, found: str) -> None:
    source = resolve(model, scale)
    assert (source.name, source.kind) == (found, "embedded")
    assert source.scale == EMBEDDED[found].scale
    assert source.weights == weights_root() / found / "model.safetensors"


@pytest.mark.parametrize(
    ("model", "scale", "error", "message", "hint"),
    [
        ("lite", 8, UnknownModel, "there is no 8x model in the family 'lite'", "It enlarges 2x, 3x or 4x."),
        ("nlsn-lite-x8", None, UnknownModel, "there is no 8x model in the family 'lite'", "It enlarges 2x, 3x or 4x."),
        ("nlsn-lite-x4", 2, OptionError, "nlsn-lite-x4 enlarges 4x, but 2x was asked for", "Use --model nlsn-lite-x2."),
        ("light", None, UnknownModel, "unknown model 'light'", "Did you mean lite? Valid: lite,"),
        ("", None, UnknownModel, "unknown model ''", "Valid: lite,"),
        ("light!", None, UnknownModel, "unknown model 'light!'", "a Hub id owner/repo"),
        ("a/b/c", None, UnknownModel, "no file or folder a/b/c", "Check the path"),
        ("run/model/", None, UnknownModel, "no file or folder run/model", "Check the path"),
        ("model.onnx", None, UnknownModel, "no file or folder model.onnx", "Check the path"),
        ("x" * 5000, None, UnknownModel, "unknown model 'xxx", "Valid:"),
        ("./nothing.safetensors", None, UnknownModel, "no file or folder nothing.safetensors", "Check the path"),
        ("nothing.pt", None, UnknownModel, "no file or folder nothing.pt", "Check the path"),
        ("~/no-such-folder", None, UnknownModel, "no file or folder /", "Check the path"),
    ],
)
def test_names_that_nothing_answers_to(
    model: str | None, scale: int | None, error: type[NlsrError], message: str, hint: str
) -> None:
    with pytest.raises(error) as caught:
        resolve(model, scale)
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED["nlsn-lite-x2"].folder, tmp_path / "mine" / "model"))


def test_a_local_folder_and_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_folder, by_file = resolve(str(folder), 2), resolve(str(folder / "model.safetensors"), None)
    assert by_folder.weights == by_file.weights
    assert (by_folder.kind, by_folder.network) == ("local", by_file.network)
    assert by_folder.sha256 == {}
    monkeypatch.chdir(folder.parents[1])
    assert resolve("mine/model", None).kind == "local", "a folder that is there wins over a Hub id"
    monkeypatch.setenv("HOME", str(folder.parents[1]))
    assert resolve("~/mine/model", None).weights == by_folder.weights
    with pytest.raises(OptionError, match="enlarges 2x, but 4x was asked"):
        resolve("mine/model", 4)
    (folder.parents[1] / "lite").mkdir()
    assert resolve("lite", None).kind == "embedded", "a folder of that name must not change what a family means"


def test_a_weights_file_alone_carries_its_config(folder: Path) -> None:
    alone = folder.parent / "alone.safetensors"
    shutil.move(folder / "model.safetensors", alone)
    source = resolve(str(alone), None)
    assert source.network == resolve("lite", 2).network
    assert (source.config, source.notes) == (None, ())


def test_a_config_that_differs_from_the_one_in_the_header(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"n_hashes": 1', '"n_hashes": 8'))
    source = resolve(str(folder), None)
    assert source.network.n_hashes == 8
    assert source.notes == (
        "config.json differs from the config in the header of model.safetensors, and takes precedence.",
    )


def test_folders_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"no model\.safetensors in the folder"):
        resolve(str(tmp_path), None)
    (tmp_path / "model_x4.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(UnknownModel, match=r"but model_x4\.pt") as caught:
        resolve(str(tmp_path), None)
    assert "nlsr models convert" in caught.value.hint
    with pytest.raises(UnknownModel, match="a pickled checkpoint") as caught:
        resolve(str(tmp_path / "model_x4.pt"), None)
    assert f"nlsr models convert {tmp_path / 'model_x4.pt'}" in caught.value.hint
    (tmp_path / "picture.png").write_bytes(b"")
    with pytest.raises(UnknownModel, match="is not a model"):
        resolve(str(tmp_path / "picture.png"), None)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("{", WeightsCorrupt, "not valid JSON"),
        ("[" * 100_000, WeightsCorrupt, "longer than 65536 bytes"),
        ("[" * 60_000, WeightsCorrupt, "not valid JSON"),
        ("[1, 2]", WeightsCorrupt, "not a JSON object"),
        ('{"vocab_size": 3}', WeightsMismatch, "unknown config keys: vocab_size"),
        ('{"n_feats": 1000000000}', WeightsMismatch, "n_feats must be a whole number from 1 to 1024"),
        ('{"n_feats": ' + "9" * 5000 + "}", WeightsCorrupt, "not valid JSON"),
        ('{"scale": "4"}', WeightsMismatch, "scale must be one of 2, 3, 4"),
        ('{"res_scale": NaN}', WeightsMismatch, "res_scale must be a positive number"),
        ('{"upsampler": ["pixelshuffle"]}', WeightsMismatch, "upsampler must be one of"),
    ],
)
def test_a_config_from_a_stranger(folder: Path, text: str, error: type[ModelError], said: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(error, match=said):
        resolve(str(folder), None)


def test_a_config_that_is_not_text(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(WeightsCorrupt, match="not a text file"):
        resolve(str(folder), None)


def test_the_registry_is_complete_and_orderly() -> None:
    assert families()[0] == "lite"
    for name, model in EMBEDDED.items():
        assert name == model.name == f"nlsn-{model.family}-x{model.scale}"
        assert find_embedded(model.family, model.scale) is model
        assert model.scale in scales_of(model.family)
        assert sorted(path.name for path in model.folder.iterdir()) == sorted(model.files)
    assert sorted(path.name for path in weights_root().iterdir()) == sorted(
        ["DRAWINGS.md", "LOG.md", "PHOTOGRAPHS.md", "gpu.toml", "series.toml", *EMBEDDED]
    )


def test_description_agrees_with_the_registry() -> None:
    for name, model in EMBEDDED.items():
        facts = describe(resolve(name, None))
        assert (facts.parameters, facts.licence) == (model.parameters, model.licence)
        assert facts.sha256 == model.files["model.safetensors"]
        assert (facts.psnr, facts.ssim, facts.path) == (model.psnr, model.ssim, model.folder)
        assert locate(name) == model.folder


def test_a_local_model_states_its_licence(folder: Path) -> None:
    assert describe(resolve(str(folder), None)).licence == EMBEDDED["nlsn-lite-x2"].licence
    (folder / "README.md").unlink()
    assert describe(resolve(str(folder), None)).licence == "unknown"


def test_the_listing_starts_with_the_embedded_models() -> None:
    assert [facts.name for facts in list_models()][: len(EMBEDDED)] == list(EMBEDDED)


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import json, sys; from nlsr_cli.zoo import describe, resolve; describe(resolve('lite', 2)); "
        "print(json.dumps(sorted({'torch', 'huggingface_hub', 'safetensors', 'numpy'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_the_folder_of_a_run_stands_for_its_model(folder: Path) -> None:
    """`--out run` made it, so `--model run` is what people try."""
    run = folder.parent
    (run / "state.pt").touch()
    assert resolve(str(run), None) == resolve(str(folder), None)
    assert find_models(str(run)).scales == (2,)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a training run with two scales."""
    for scale in (2, 3):
        shutil.copytree(EMBEDDED[f"nlsn-lite-x{scale}"].folder, tmp_path / "run" / f"model-x{scale}")
    (tmp_path / "run" / "state.pt").touch()
    return tmp_path / "run"


def test_a_run_of_several_scales_is_a_family(run: Path) -> None:
    for scale in (2, 3):
        assert resolve(str(run), scale).weights.parent == run / f"model-x{scale}"
    assert resolve(str(run), None).scale == 3, "the largest, where none is asked and there is no 4x"
    models = find_models(str(run))
    assert (models.scales, models.default) == ((2, 3), 3)
    assert models.source(2).weights.parent == run / "model-x2"
    with pytest.raises(UnknownModel, match="there is no 4x model in the folder of the training run") as caught:
        resolve(str(run), 4)
    assert caught.value.hint == f"It has {run / 'model-x2'}, {run / 'model-x3'}."


def test_the_state_of_a_run_is_not_to_be_converted(run: Path) -> None:
    with pytest.raises(UnknownModel, match="a pickled checkpoint") as caught:
        resolve(str(run / "state.pt"), None)
    assert caught.value.hint == f"It is the state of a training run. Give the folder of its model: {run}"
    shutil.rmtree(run / "model-x2")
    shutil.rmtree(run / "model-x3")
    for given in (run, run / "state.pt"):
        with pytest.raises(UnknownModel) as caught:
            resolve(str(given), None)
        assert caught.value.hint.endswith("repeat its nlsr train command with --resume.")


@pytest.mark.parametrize("typed", ["run/model-x4/", "./run/model_x2", "run/model-x2/model.safetensor", "rum/model-x2/"])
def test_a_mistyped_path_gets_the_nearest_that_exists(typed: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    with pytest.raises(UnknownModel, match="no file or folder") as caught:
        resolve(typed, None)
    said = re.fullmatch(r"Did you mean (run/.*)\?", caught.value.hint)
    assert said, caught.value.hint
    assert resolve(said[1], None).kind == "local"


def test_what_may_be_a_path_or_a_hub_id(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called as an owner does not hide the Hub from its user, but a mistyped path is told, too."""
    monkeypatch.chdir(run.parent)
    for typed, guess in (("run/model-x4", "run/model-x"), ("rum/model-x2", "run/model-x2")):
        with pytest.raises(DownloadFailed) as caught:
            resolve(typed, None, offline=True)
        assert caught.value.hint.startswith(f"Did you mean {guess}"), caught.value.hint
    with pytest.raises(DownloadFailed) as caught:
        resolve("someone/else", None, offline=True)
    assert "Did you mean" not in caught.value.hint
