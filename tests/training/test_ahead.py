"""Patches made ahead by other processes: the same ones, whatever step is asked for, and nobody is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nlsr_cli.nlsn import NLSN
from nlsr_cli.training.ahead import Ahead
from nlsr_cli.training.patches import PatchPool
from nlsr_cli.training.trainer import Trainer
from tests.training.photographs import TINY, tiny_data, tiny_pool

RECIPE = replace(TINY, degrade="reduce/any,noise:0-16/any,jpeg:30-98/any@0.7", damaged=0.6)


@pytest.fixture
def pools(tmp_path: Path) -> list[PatchPool]:
    data = tiny_data(tmp_path)
    return [tiny_pool(data, replace(RECIPE, seed=seed)) for seed in (0, 1)]


@pytest.fixture
def ahead(pools: list[PatchPool]) -> Iterator[Ahead]:
    with closing(Ahead([pool.inputs for pool in pools], RECIPE.batch, processes=2)) as made:
        yield made


def test_steps_have_the_patches_that_they_have_without_helpers(pools: list[PatchPool], ahead: Ahead) -> None:
    """In order, after a jump as a run that goes on makes it, and for each network its own."""
    for step in (0, 1, 2, 3, 40, 41, 7):
        for mine, wanted in zip(ahead.take(step), pools[step % 2].inputs.make(RECIPE.batch, step), strict=True):
            np.testing.assert_array_equal(mine, wanted)


def test_a_trainer_with_helpers_learns_the_same(tmp_path: Path, tiny_network: Callable[..., NLSN]) -> None:
    pool = tiny_pool(tiny_data(tmp_path), RECIPE)
    with_helpers, without = (Trainer([tiny_network()], [pool], RECIPE, helpers=count) for count in (2, 0))
    for step in range(3):
        with_helpers.step(step / 10)
        without.step(step / 10)
    with_helpers.close()
    torch.testing.assert_close(with_helpers.state()["weights"], without.state()["weights"], rtol=0, atol=0)


def test_nothing_is_left_behind(pools: list[PatchPool]) -> None:
    """Neither processes nor the copy of the photographs."""
    before = {child.pid for child in multiprocessing.active_children()}
    made = Ahead([pool.inputs for pool in pools], RECIPE.batch, processes=2)
    made.take(0)
    folder = Path(made._folder.name)
    assert folder.is_dir()
    made.close()
    assert not folder.exists()
    assert {child.pid for child in multiprocessing.active_children()} <= before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are counted by their group")
def test_helpers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from nlsr_cli.training.ahead import Ahead
from tests.training.photographs import tiny_data, tiny_pool
from tests.training.test_ahead import RECIPE
if __name__ == "__main__":
    ahead = Ahead([tiny_pool(tiny_data(Path({str(tmp_path)!r})), RECIPE).inputs], RECIPE.batch, processes=2)
    ahead.take(0)
    print("ready", flush=True)
    time.sleep(60)
"""
    program = tmp_path / "program.py"
    program.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, env=environment, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.wait()
    process.stdout.close()
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("processes live on")
