"""Several runs, one after the other, from a TOML file: the models of earlier ones are what later ones begin with."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from nlsr_cli.errors import NlsrError, OptionError, RunFolderError, UnknownChoice
from nlsr_cli.options import parse_network_scale
from nlsr_cli.training.plan import Plan
from nlsr_cli.training.recipe import Budget, Recipe
from nlsr_cli.training.status import FINISHED, read_status
from nlsr_cli.zoo.source import RUN_MODEL, WEIGHTS_NAME

RUNS = "run"  # the name of the list
_KINDS: dict[str, type] = {
    **dict.fromkeys(("out", "preset", "init", "name", "licence", "store", "device", "precision", "validation"), str),
    "minutes": float,
    "steps": int,
    "every": float,
    "recursive": bool,
    "init_if_fits": bool,
    **{each.name: type(each.default) for each in fields(Recipe)},
}
_KNOWN = (*_KINDS, "data", "scale")


@dataclass(frozen=True)
class Given:
    """What the command line says of all runs of a series; it goes before what the file says.

    `folder` is where the folders of the runs lie; `minutes` the sum of the budgets, which keep their proportions.
    """

    folder: str = ""
    data: tuple[str, ...] = ()
    validation: str | None = None
    recursive: bool = False
    offline: bool = False
    device: str | None = None
    precision: str | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class Entry:
    """One run of a series; `after` is the folder of the earlier run whose model it begins with, as `plan.out`."""

    plan: Plan
    after: str | None

    @property
    def begun(self) -> bool:
        """Tell whether there is something to go on with."""
        return os.path.lexists(Path(self.plan.out, "state.pt"))

    @property
    def finished(self) -> bool:
        """Tell whether it has ended, and its models are there."""
        out, scales = Path(self.plan.out), self.plan.scales
        names = [RUN_MODEL] if len(scales) == 1 else [f"{RUN_MODEL}-x{scale}" for scale in scales]
        try:
            ended = read_status(out).state == FINISHED
        except (OptionError, RunFolderError):  # there is none, or it is damaged: then it is gone on with
            return False
        return ended and all((out / name / WEIGHTS_NAME).is_file() for name in names)


def read_series(file: Path, given: Given) -> list[Entry]:
    """Read a series. Names are those of the options of `nlsr train`; what stands before the runs holds for all of them.

    Raises:
        OptionError: it cannot be read, a name is unknown, or a value makes no sense; the message names the run.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise OptionError(f"{file} cannot be read: {exc.strerror or exc}", "Check its name and permissions.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise OptionError(f"{file} is not valid TOML: {exc}", "See https://toml.io for the syntax.") from exc
    runs = values.pop(RUNS, [])
    if not isinstance(runs, list) or not runs or not all(isinstance(run, dict) for run in runs):
        raise OptionError(f"{file} lists no runs", f"Each run begins with the line [[{RUNS}]].")
    entries: list[Entry] = []
    for number, run in enumerate(runs, start=1):
        try:
            entries.append(_entry({**_named(values), **_named(run)}, given, entries))
        except OptionError as error:
            raise OptionError(f"{file}, run {number}: {error.message}", error.hint) from error
    return entries if given.minutes is None else _scaled(entries, given.minutes, file)


def check(entries: Sequence[Entry]) -> None:
    """Find what would stop a run of the series before the first begins; no photograph is read.

    Raises:
        NlsrError: of the first run that cannot begin or go on; the message names it.
    """
    from nlsr_cli.training.data import find_photographs
    from nlsr_cli.training.folder import RunFolder
    from nlsr_cli.training.start import find_origins, place_training

    for entry in entries:
        plan = entry.plan
        try:
            choices = plan.choices(place_training(plan.compute).precision)
            if not entry.finished:
                find_photographs(plan)
            folder = RunFolder(Path(plan.out), resume=entry.begun)
            try:
                if entry.begun:
                    folder.load(choices)
                elif entry.after is None:
                    find_origins(plan)
            finally:
                folder.close()
        except NlsrError as error:
            error.message = f"run {plan.out}: {error.message}"
            raise


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return choices by the names that Python has for them, after a look at their names and kinds."""
    found = {}
    for name, value in values.items():
        key = name.replace("-", "_")
        if key not in _KNOWN:
            raise UnknownChoice("choice", name, _KNOWN, meant=key)
        found[key] = value if key in ("data", "scale") else _typed(name, value, _KINDS[key])
    return found


def _typed(name: str, value: object, kind: type) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise OptionError(f"{name} must be {_WORDS[kind]}, not {value!r}")
    return value


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _entry(choices: dict[str, Any], given: Given, earlier: Sequence[Entry]) -> Entry:
    """Return a run from its choices, by name, and what the command line says."""
    if not choices.get("out"):
        raise OptionError("the run has no folder", 'Name a folder: out = "lite"')
    out = os.path.join(given.folder, choices["out"])  # noqa: PTH118 - which keeps what was written
    if any(os.path.realpath(each.plan.out) == os.path.realpath(out) for each in earlier):
        raise OptionError(f"{out} is also the folder of an earlier run", "Name another folder.")
    init = choices.get("init")
    before = None if init is None else os.path.join(given.folder, init)  # noqa: PTH118
    after = next((each.plan.out for each in earlier if each.plan.out == before), None)
    told = {
        "out": out,
        "data": given.data or _texts("data", choices.get("data", ())),
        "scales": _scales(choices.get("scale", 4)),
        "init": after or init,
        "validation": given.validation or choices.get("validation"),
        "recursive": given.recursive or choices.get("recursive", False),
        "offline": given.offline,
        "device": given.device or choices.get("device", "auto"),
        "precision": given.precision or choices.get("precision", "auto"),
    }
    return Entry(Plan.of({**choices, **told}), after)


def _texts(name: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(_typed(name, each, str)) for each in values)


def _scales(value: object) -> tuple[int, ...]:
    values = value if isinstance(value, list) else str(value).split(",")
    return tuple(parse_network_scale(str(each)) for each in values)


def _scaled(entries: Sequence[Entry], minutes: float, file: Path) -> list[Entry]:
    """Return the runs with budgets whose sum is `minutes`."""
    budgets = [entry.plan.budget.minutes for entry in entries]
    if None in budgets:
        raise OptionError(
            f"--minutes cannot be shared among the runs of {file}, as one counts steps", "Omit --minutes."
        )
    whole = sum(each or 0.0 for each in budgets)
    return [
        replace(entry, plan=replace(entry.plan, budget=Budget(minutes=minutes * (each or 0.0) / whole)))
        for entry, each in zip(entries, budgets, strict=True)
    ]
