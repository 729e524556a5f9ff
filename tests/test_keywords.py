"""Options by name: the same as on the command line, read by one function, wrong ones refused with advice."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from nlsr_cli import keywords
from nlsr_cli.cli import app
from nlsr_cli.commands import upscale as command
from nlsr_cli.errors import OptionError
from nlsr_cli.keywords import check_names, existing_of, merged, options_of
from nlsr_cli.options import ComputeOptions, EncodeOptions, TileOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions

# What the command line takes and no keyword is, each with its reason.
NOT_IN_PYTHON = {
    "inputs": "the source is the first argument",
    "output": "an argument of its own, as only files have one",
    "model": "an argument of its own, as it may be a network too",
    "dry_run": "prints a plan",
    "files_from": "upscale_files takes an iterable",
    "null": "is about the file of --files-from",
    "watch": "runs until it is interrupted",
    "interval": "is about --watch",
    "compare": "writes a page for somebody to look at",
    "open": "shows a window; a notebook shows what is returned",
    "as_json": "prints; an Outcome has as_json()",
    "quiet": "prints nothing",
    "verbose": "prints more",
}


def parameters() -> dict[str, inspect.Parameter]:
    found = inspect.signature(command.upscale).parameters
    return {name.removesuffix("_"): parameter for name, parameter in found.items()}


def test_the_keywords_are_the_options_of_the_command_line() -> None:
    """An option that is new there must be taken here as well, or be named above with its reason."""
    assert set(keywords.FolderOptions.__annotations__) == set(parameters()) - set(NOT_IN_PYTHON)
    assert set(NOT_IN_PYTHON) <= set(parameters())


def test_the_defaults_are_those_of_the_command_line() -> None:
    """They stand in two places, of which neither can see the other."""
    given = {name: parameter.default for name, parameter in parameters().items()}
    assert options_of(given) == options_of({}) == UpscaleOptions()


def test_the_command_line_reads_its_values_by_the_same_function(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def noted(given: dict[str, Any]) -> UpscaleOptions:
        seen.append(given)
        raise OptionError("enough")

    monkeypatch.setattr(command, "options_of", noted)
    CliRunner().invoke(app, ["upscale", str(sample), "--scale", "150%", "--max-memory", "2G", "--tile", "64"])
    ((given),) = seen
    assert (given["scale"], given["max_memory"], given["tile"], given["overlap"]) == ("150%", "2G", "64", 16)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"scale": "150%"}, UpscaleOptions(scale=1.5)),
        ({"scale": "4x"}, UpscaleOptions(scale=4)),
        ({"scale": 2.0}, UpscaleOptions(scale=2)),
        ({"scale": np.float32(2.5)}, UpscaleOptions(scale=2.5)),
        ({"long_side": np.int64(600)}, UpscaleOptions(size=SizeOptions(long_side=600))),
        (
            {"width": 30, "height": 20, "fit": "cover"},
            UpscaleOptions(size=SizeOptions(width=30, height=20, fit="cover")),
        ),
        ({"max_memory": "2G"}, UpscaleOptions(max_memory=2**31)),
        ({"max_memory": 10**9}, UpscaleOptions(max_memory=10**9)),
        ({"tile": "auto", "overlap": 8}, UpscaleOptions(tile=TileOptions(None, 8))),
        ({"tile": 256}, UpscaleOptions(tile=TileOptions(256))),
        ({"tile": "0"}, UpscaleOptions(tile=TileOptions(0))),
        ({"deblock": "auto", "denoise": 0.5}, UpscaleOptions(denoise=0.5)),
        ({"deblock": "0.25"}, UpscaleOptions(deblock=0.25)),
        ({"device": torch.device("cuda", 1)}, UpscaleOptions(compute=ComputeOptions("cuda:1"))),
        (
            {"quality": 80, "strip": True, "no_provenance": True},
            UpscaleOptions(encode=EncodeOptions(80, strip=True, provenance=False)),
        ),
        ({"model": Path("runs") / "model"}, UpscaleOptions(model=str(Path("runs") / "model"))),
        ({"scale": None, "tile": None, "overlap": None, "ensemble": None}, UpscaleOptions()),
    ],
)
def test_values_are_texts_or_what_they_stand_for(given: dict[str, object], expected: UpscaleOptions) -> None:
    found = options_of(given)
    assert found == expected
    assert isinstance(found.scale, type(expected.scale)), "names say x2, not x2.0"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": "2,5"}, "--scale must be a positive number"),
        ({"scale": [2]}, r"--scale must be a number, not \[2\]"),
        ({"scale": True}, "--scale must be a number, not True"),
        ({"width": "500"}, "--width must be a whole number, not '500'"),
        ({"width": 500.5}, "--width must be a whole number"),
        ({"scale": 2, "width": 500}, "--scale and --width cannot be combined"),
        ({"max_memory": "much"}, "--max-memory must be an amount of memory"),
        ({"tile": -1}, "--tile must be auto"),
        ({"tile": 2.5}, "--tile must be auto"),
        ({"denoise": "some"}, "--denoise must be auto"),
        ({"denoise": 2}, "--denoise must be auto"),
        ({"ensemble": 1}, "--ensemble must be True or False"),
        ({"alpha": 1}, "--alpha must be text"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"floor": float("nan")}, "--floor must be from 0 to 100"),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_words_of_the_command_line(given: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        options_of(given)


def test_a_name_that_nobody_knows_is_guessed() -> None:
    with pytest.raises(OptionError, match=r"unknown option 'sclae'\nhint: Did you mean scale\?"):
        check_names(["sclae"], keywords.PICTURE)
    with pytest.raises(OptionError, match="quality is an option for files"):
        check_names(["quality"], keywords.PICTURE)
    with pytest.raises(OptionError, match=r"device is fixed when an Upscaler is made\nhint: .*Upscaler\(device=...\)"):
        check_names(["device"], keywords.PICTURE)


def test_a_size_replaces_any_other() -> None:
    base = {"scale": 2, "strength": 0.5, "overwrite": True}
    assert merged(base, {"width": 30}) == {"width": 30, "strength": 0.5, "overwrite": True}
    assert merged(base, {"skip_existing": True}) == {"scale": 2, "strength": 0.5, "skip_existing": True}
    assert merged(base, {"width": None}) == {**base, "width": None}


@pytest.mark.parametrize(
    ("given", "gathers", "existing"),
    [
        ({}, False, "error"),
        ({}, True, "resume"),
        ({"resume": False}, True, "error"),
        ({"resume": True}, False, "resume"),
        ({"overwrite": True}, True, "overwrite"),
        ({"skip_existing": True}, False, "skip"),
    ],
)
def test_what_happens_to_outputs_that_exist(given: dict, gathers: bool, existing: str) -> None:
    assert existing_of(given, streams=False, gathers=lambda: gathers) == existing


def test_two_things_cannot_happen_to_them() -> None:
    with pytest.raises(OptionError, match="--overwrite and --resume cannot be combined"):
        existing_of({"overwrite": True, "resume": True}, streams=False, gathers=lambda: True)
    with pytest.raises(OptionError, match="--resume needs a file"):
        existing_of({"resume": True}, streams=True, gathers=lambda: False)
