"""A plan is checked before anything heavy loads, and can be written as the command that repeats it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.commands import train as command
from nlsr_cli.errors import OptionError
from nlsr_cli.options import ComputeOptions, counted
from nlsr_cli.training.plan import Plan
from nlsr_cli.training.recipe import Budget, Recipe
from tests.training.photographs import tiny_plan


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": ()}, "no photographs are named"),
        ({"data": ("",)}, "no photographs are named"),
        ({"out": ""}, "--out is missing"),
        ({"preset": "lait"}, "unknown preset"),
        ({"scales": (2, 2)}, "names a scale twice"),
        ({"recipe": Recipe(degrade="jpg:50")}, "unknown degradation 'jpg'"),
        ({"scales": (8,)}, "scale must be"),
        ({"every": 0}, "--every must be positive"),
        ({"every": float("nan")}, "--every must be positive"),
        ({"every": 1.5}, "counts steps when --steps is given"),
        ({"store": "int8"}, "unknown storage"),
        ({"name": ""}, "--name must be one line"),
        ({"name": "two\nlines"}, "--name must be one line"),
        ({"name": "no text: \udcff"}, "--name must be one line"),
        ({"licence": "free\nas in beer"}, "--licence must be"),
        ({"compute": ComputeOptions("auto", "fp16")}, "fp16 is not supported"),
    ],
)
def test_values_that_make_no_sense(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        tiny_plan(tmp_path, **change)


@pytest.mark.parametrize(
    "change",
    [{"patch": 7}, {"batch": 0}, {"rate": float("nan")}, {"warmup": 0.6}, {"average": 1}, {"clip": -1}, {"loss": "l3"}],
)
def test_recipes_that_make_no_sense(change: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Recipe(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [{}, {"steps": 1, "minutes": 1.0}, {"steps": 0}, {"steps": 10**400}, {"minutes": 0.0}, {"minutes": float("inf")}],
)
def test_budgets_that_make_no_sense(given: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Budget(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("budget", "interval"),
    [
        (Budget(steps=4), 1),
        (Budget(steps=4000), 100),
        (Budget(minutes=60), 1.5),
        (Budget(minutes=40), 1),
        (Budget(minutes=6000), 10),
    ],
)
def test_validations_come_about_forty_times_and_every_ten_minutes(budget: Budget, interval: float) -> None:
    assert Plan(("photos",), "run", budget=budget).interval == interval


def test_everything_of_a_recipe_is_an_option() -> None:
    """A choice that could not be made on the command line could not be repeated by it either."""
    options = {parameter.name for parameter in _parameters()}
    assert {field.name for field in fields(Recipe)} <= options
    defaults = {parameter.name: parameter.default for parameter in _parameters()}
    assert {field.name: defaults[field.name] for field in fields(Recipe)} == vars(Recipe())


def _parameters() -> list:
    import inspect

    return list(inspect.signature(command.train).parameters.values())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"budget": Budget(minutes=1.5), "every": 0.25, "recursive": True, "init": "lite", "validation": "my pictures"},
        {"recipe": Recipe(patch=9, rate=2e-4, loss="l2", seed=7), "name": "mine", "licence": "mit", "store": "float16"},
        {"compute": ComputeOptions("cpu", "fp32"), "data": ("a b", "c'd.png"), "out": "run here"},
    ],
)
def test_the_command_of_a_plan_makes_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    """What a model card says is what one can type, spaces, quotes and all."""
    plan = tiny_plan(tmp_path, **{"every": 1, **change})
    made = []
    monkeypatch.setattr(command, "_train", lambda _, plan, *more: made.append(plan) or 0)
    words = shlex.split(plan.command())
    assert words[0] == "nlsr"
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, result.output
    ours, theirs = made[0], Plan(**{**vars(plan), "name": made[0].name})
    assert ours == theirs
    assert ours.model_name == plan.model_name


def test_plans_load_nothing_heavy() -> None:
    """A wrong option is refused in a tenth of a second, not after torch."""
    code = (
        "import sys, nlsr_cli.commands.train, nlsr_cli.training.plan as plan; plan.Plan(('a',), 'run')\n"
        "heavy = {'torch', 'numpy', 'PIL', 'rich', 'safetensors', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_counting() -> None:
    assert [counted(number, "step") for number in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]
