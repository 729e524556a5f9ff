"""Models take the place of embedded ones only where they are better, by the measure that they were chosen by."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlsr_cli.nlsn.presets import PRESETS
from nlsr_cli.options import ComputeOptions
from nlsr_cli.training.events import Finished
from nlsr_cli.training.recipe import Budget
from nlsr_cli.training.run import prepare
from tests.tools import ship
from tests.training.photographs import save_photographs, tiny_plan


def test_the_measure_is_that_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"n_feats": 8, "n_resblocks": 1, "chunk_size": 16, "attention_at": (1,)}
    monkeypatch.setitem(PRESETS, "lite", {**PRESETS["lite"], **small})
    save_photographs(tmp_path / "photos")
    others = save_photographs(tmp_path / "others", 2, (48, 60))
    plan = tiny_plan(
        tmp_path, validation=str(others), budget=Budget(steps=2), scales=(3,), compute=ComputeOptions("cpu", "fp32")
    )
    with prepare(plan) as run:
        *_, finished = run.train()
    assert isinstance(finished, Finished)
    found = ship.validation_psnr(finished.models[0].model, sorted(others.iterdir()))
    assert found == pytest.approx(finished.models[0].psnr, abs=1e-3)
    assert ship.name_of(finished.models[0].model) == "own-lite-x3"


def test_the_best_of_each_name_is_taken_where_it_is_worth_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    psnrs = {"a": 30.0, "b": 30.5, "c": 25.0, "d": 20.0}
    names = {"a": "one", "b": "one", "c": "two", "d": "three"}
    embedded = {"one": 30.47, "two": 24.99}  # 0.03 dB, 0.01 dB, and none of that name
    for name in embedded:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(ship, "weights_root", lambda: tmp_path)
    monkeypatch.setattr(ship, "name_of", lambda source: names[source.name])
    monkeypatch.setattr(ship, "validation_psnr", lambda source, _: {**psnrs, **embedded}[source.name])
    assert ship.better([Path(each) for each in psnrs], []) == [Path("b"), Path("d")]
