"""What lies where a file is looked for: pipes, devices, links that lead nowhere, places that may not be entered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nlsr_cli.errors import ModelError, NlsrError, OptionError, UnknownModel
from nlsr_cli.zoo import EMBEDDED, describe, list_models, resolve, verify_named
from nlsr_cli.zoo import hub as hub_client
from nlsr_cli.zoo.convert import convert
from nlsr_cli.zoo.header import read_header
from nlsr_cli.zoo.source import sha256_of

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
COMMIT = "0123456789" * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED["nlsn-lite-x2"].folder, tmp_path / "mine" / "model"))


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a model into a Hub cache of its own, and return its folder."""
    root = tmp_path / "hub"
    monkeypatch.setattr(hub_client.constants, "HF_HUB_CACHE", str(root))
    snapshot = root / "models--someone--nlsn" / "snapshots" / COMMIT
    return Path(shutil.copytree(EMBEDDED["nlsn-lite-x2"].folder, snapshot))


@needs_pipes
def test_pipes_are_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.safetensors")
    for read in (read_header, sha256_of, lambda path: resolve(str(path), None)):
        with pytest.raises(ModelError, match="not a regular file"):
            read(folder / "pipe.safetensors")
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(ModelError, match=r"config\.json cannot be read: not a regular file"):
        resolve(str(folder), None)


@needs_pipes
def test_a_listing_does_not_wait_for_a_pipe(cached: Path) -> None:
    (cached / "README.md").unlink()
    os.mkfifo(cached / "README.md")
    assert [facts.licence for facts in list_models() if facts.kind == "hub"] == ["unknown"]
    (cached / "config.json").unlink()
    os.mkfifo(cached / "config.json")
    assert [facts.kind for facts in list_models()] == ["embedded"] * len(EMBEDDED)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
def test_cards_and_configs_without_end(folder: Path) -> None:
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to("/dev/zero")
    assert describe(resolve(str(folder), None)).licence == "unknown"
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="not a regular file"):
        resolve(str(folder), None)


def test_no_more_of_a_card_is_read_than_its_beginning(folder: Path) -> None:
    with (folder / "README.md").open("ab") as file:
        file.truncate(2**40)  # a hole: it takes no room on the disk, and would take it in memory
    assert describe(resolve(str(folder), None)).licence == EMBEDDED["nlsn-lite-x2"].licence


@pytest.mark.parametrize("licence", ["\x1b[2Jmit", "x" * 1000, "mit\r", "'"])
def test_a_licence_that_is_no_name(licence: str, folder: Path) -> None:
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n", newline="\n")
    assert describe(resolve(str(folder), None)).licence in ("unknown", "mit")


@pytest.mark.parametrize("kind", ["dangling", "loop", "device", "folder"])
def test_a_config_that_is_there_and_no_file(kind: str, folder: Path, tmp_path: Path) -> None:
    """Without it the config in the header would be used: an unsaid change of what was asked for."""
    config = folder / "config.json"
    config.unlink()
    if kind == "folder":
        config.mkdir()
    else:
        config.symlink_to({"dangling": folder / "nothing", "loop": config, "device": Path(os.devnull)}[kind])
    for model in (folder, folder / "model.safetensors"):
        with pytest.raises(ModelError, match=r"config\.json cannot be read"):
            resolve(str(model), None)
        with pytest.raises(ModelError, match=r"config\.json cannot be read"):
            convert(folder / "model.safetensors", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_lead_nowhere(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.unlink()
    weights.symlink_to(folder / "nothing")
    with pytest.raises(UnknownModel, match="no weights file"):
        resolve(str(folder), None)


LONG = "x" * 300


@pytest.mark.parametrize(
    ("source", "out"), [(f"{LONG}.pt", "out"), ("model.safetensors", LONG), (f"{LONG}/a.pt", "out")]
)
def test_names_too_long_to_convert(source: str, out: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        convert(folder / source, tmp_path / out)
    assert "\n" not in caught.value.message


def test_an_empty_output_is_not_the_current_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(OptionError, match="empty name"):
        convert(folder / "model.safetensors", "")
    assert list(Path().iterdir()) == []
    assert convert(folder / "model.safetensors", ".") == Path()


def test_no_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(UnknownModel, match="the home folder is unknown"):
        resolve("~/model", None)


@pytest.fixture
def closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Close the folder above a model to everybody; root, whom no mode stops, has the refusal played to it."""
    shut = folder.parent
    shut.chmod(0)
    if os.access(shut, os.X_OK):
        for name in ("stat", "lstat", "open", "scandir"):
            monkeypatch.setattr(os, name, refusing(getattr(os, name), shut))
    yield shut
    monkeypatch.undo()
    shut.chmod(0o755)


def refusing(call: Callable[..., Any], shut: Path) -> Callable[..., Any]:
    def guarded(path: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(path, int) and str(path).startswith(f"{shut}{os.sep}"):
            raise PermissionError(13, "Permission denied", str(path))
        return call(path, *args, **kwargs)

    return guarded


@pytest.mark.parametrize("inside", ["", "model", "model/model.safetensors", "x.pt", "someone/model"])
def test_models_in_a_closed_folder(inside: str, closed: Path) -> None:
    with pytest.raises(ModelError, match="Permission denied") as caught:
        resolve(str(closed / inside), None)
    assert "permissions" in caught.value.hint


def test_a_closed_folder_is_no_hub_id(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(closed.parent)
    monkeypatch.setattr(os, "stat", refusing(os.stat, Path(closed.name)))
    with pytest.raises(ModelError, match="Permission denied"):
        resolve(f"{closed.name}/model", None)


def test_converting_from_and_into_a_closed_folder(closed: Path, tmp_path: Path) -> None:
    for source, out in (
        (closed / "x.pt", tmp_path / "out"),
        (EMBEDDED["nlsn-lite-x2"].folder / "model.safetensors", closed / "o"),
    ):
        with pytest.raises(ModelError, match="Permission denied"):
            convert(source, out)


def test_a_closed_cache_hides_no_embedded_model(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client.constants, "HF_HUB_CACHE", str(closed / "hub"))
    assert [facts.name for facts in list_models()] == list(EMBEDDED)


def test_verification_by_name_goes_on(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    name, (finding,) = verify_named(str(folder))
    assert (name, finding.ok) == (str(folder), False)
    assert "not valid JSON" in finding.detail
    name, (finding,) = verify_named("lite", 8)
    assert (name, finding.ok) == ("lite", False)
    name, findings = verify_named("nlsn-lite-x2", offline=True)
    assert (name, [finding.ok for finding in findings]) == ("nlsn-lite-x2", [True] * 5)
    assert verify_named(None)[0] == "nlsn-lite-x4"


@pytest.mark.parametrize("text", ["lite-x" + "9" * 5000, "lite-x99999", "nlsn-lite-x" + "0" * 4400 + "2"])
def test_a_scale_of_many_digits(text: str) -> None:
    with pytest.raises(NlsrError) as caught:
        resolve(text, None)
    assert len(caught.value.message) < 300


def test_a_converted_model_keeps_its_licence(folder: Path, tmp_path: Path) -> None:
    out = convert(folder / "model.safetensors", tmp_path / "out")
    assert describe(resolve(str(out), None)).licence == EMBEDDED["nlsn-lite-x2"].licence
    assert "as the model card beside the checkpoint states" in (out / "README.md").read_text()
    (folder / "README.md").unlink()
    out = convert(folder / "model.safetensors", tmp_path / "bare")
    assert describe(resolve(str(out), None)).licence == "unknown"
