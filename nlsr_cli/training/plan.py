"""What a caller of `nlsr train` chooses: checked once, before anything heavy loads, and comparable with a saved run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from nlsr_cli.errors import OptionError, UnknownChoice
from nlsr_cli.nlsn.presets import preset
from nlsr_cli.options import STORES, ComputeOptions
from nlsr_cli.training.recipe import Budget, Recipe, option
from nlsr_cli.zoo.card import LICENCE_PATTERN

DEFAULT_MINUTES = 60.0
VALIDATIONS = 40  # per run, where nothing else is asked
LONGEST_WAIT = 10.0  # minutes between two checkpoints: what a power cut may cost


@dataclass(frozen=True)
class Plan:
    """A training run as it was asked for.

    `data` are folders and files with photographs; `out` is the folder of the run. With several `scales` one body is
    trained with a tail for each. `validation` is a folder of pictures that are not trained on; None holds some
    photographs back. `init` names a model to start from, as `upscale --model`, or the folder of a run; with
    `init_if_fits` the network begins from nothing where it is none of that model's kind. `every` is the distance
    between two validations, in steps or minutes as the budget; None is about 40 per run. `name` and `licence` are those
    of the exported model, which is stored as `store`.

    Raises:
        OptionError: a value makes no sense, alone or with the others.
    """

    data: tuple[str, ...]
    out: str
    preset: str = "lite"
    scales: tuple[int, ...] = (4,)
    recipe: Recipe = field(default_factory=Recipe)
    budget: Budget = field(default_factory=lambda: Budget(minutes=DEFAULT_MINUTES))
    validation: str | None = None
    recursive: bool = False
    init: str | None = None
    init_if_fits: bool = False
    offline: bool = False
    compute: ComputeOptions = field(default_factory=ComputeOptions)
    every: float | None = None
    name: str | None = None
    licence: str = "unknown"
    store: str = "float32"
    resume: bool = False

    def __post_init__(self) -> None:
        self._check_network()
        if not self.data or "" in self.data:
            raise OptionError("no photographs are named", "Give folders or files with photographs.")
        if not self.out:
            raise OptionError("--out is missing", "Name a folder for the run after --out.")
        if self.every is not None and not self.every > 0:
            raise OptionError(f"--every must be positive, not {self.every:g}")
        if self.every is not None and self.budget.steps is not None and self.every % 1:
            raise OptionError(
                f"--every counts steps when --steps is given: it must be a whole number, not {self.every:g}"
            )
        if self.compute.precision == "fp16":
            raise OptionError(
                "training in fp16 is not supported: small gradients would underflow to zero",
                "Use --precision bf16, which has the range of fp32, or fp32.",
            )
        if self.store not in STORES:
            raise UnknownChoice("storage", self.store, STORES)
        if self.name is not None and not (self.name.strip() and self.name.isprintable()):
            raise OptionError("--name must be one line of text", "It becomes the title of the model card.")
        if not LICENCE_PATTERN.fullmatch(self.licence):
            raise OptionError(f"--licence must be an identifier such as mit, not '{self.licence[:80]}'")
        if self.init is not None and not self.init_if_fits and self.recipe.attention_from > 0:
            raise OptionError(
                "--attention-from starts attention from scratch and would discard that of --init",
                "Omit one of them.",
            )

    @classmethod
    def of(cls, choices: Mapping[str, Any]) -> Plan:
        """Build from choices by name: those of the fields of a plan, of its recipe, its budget and where it computes.

        What is not named has its default, and what nothing here is named after is not looked at.
        """
        parts = {"recipe": Recipe, "budget": Budget, "compute": ComputeOptions}
        return cls(**_among(choices, cls), **{name: part(**_among(choices, part)) for name, part in parts.items()})

    def _check_network(self) -> None:
        if not self.scales or len(set(self.scales)) < len(self.scales):
            raise OptionError("--scale names a scale twice, or none", "For example: --scale 2,3,4")
        for scale in self.scales:
            preset(self.preset, scale)
        if self.recipe.degrade:
            from nlsr_cli.evaluation.degrade import Degradation

            Degradation.parse(self.recipe.degrade)

    def decided(self, *, continues: bool) -> Plan:
        """Return the plan without the choice whether to continue a model; that model's attention stays as it is."""
        if not self.init_if_fits:
            return self
        if not continues:
            return replace(self, init=None, init_if_fits=False)
        return replace(self, init_if_fits=False, recipe=replace(self.recipe, attention_from=0.0))

    @property
    def model_name(self) -> str:
        """Return the name of the exported model; with several scales, what their names begin with.

        The default is none of an embedded model, for which it would be taken.
        """
        if self.name is not None:
            return self.name
        return f"own-{self.preset}-x{self.scales[0]}" if len(self.scales) == 1 else f"own-{self.preset}"

    def name_of(self, scale: int) -> str:
        """Return the name of the exported model of a scale."""
        return self.model_name if len(self.scales) == 1 else f"{self.model_name}-x{scale}"

    @property
    def scale_text(self) -> str:
        """Return the scales as the command line takes them."""
        return ",".join(map(str, self.scales))

    @property
    def interval(self) -> float:
        """Return the distance between two validations: steps, or minutes, as the budget counts.

        In steps where the budget is in steps, so that the same command gives the same run on a slower machine.
        """
        if self.every is not None:
            return self.every
        if self.budget.steps is not None:
            return float(max(1, self.budget.steps // VALIDATIONS))
        return min((self.budget.minutes or 0) / VALIDATIONS, LONGEST_WAIT)

    def due_after(self, step: int, seconds: float) -> float:
        """Return where the next validation is, in steps or seconds as the budget counts."""
        if self.budget.steps is not None:
            return (step // self.interval + 1) * self.interval
        return seconds + 60 * self.interval

    def choices(self, precision: str) -> dict[str, Any]:
        """Return what a run that goes on must agree on with the run that was saved, by the name of the option.

        `precision` is what became of the one that was asked for.
        """
        return {
            "preset": self.preset,
            "scale": self.scale_text,
            **asdict(self.recipe),
            "steps": self.budget.steps,
            "minutes": self.budget.minutes,
            "every": self.interval,
            "init": self.init,
            "precision": precision,
        }

    def command(self) -> str:
        """Return a command line that repeats the run: all that changes its weights is stated, defaults too."""
        words = ["nlsr", "train", *self.data, "--out", self.out, "--preset", self.preset]
        words += ["--scale", self.scale_text]
        if self.budget.steps is not None:
            words += ["--steps", str(self.budget.steps)]
        else:
            words += ["--minutes", f"{self.budget.minutes:g}"]
        for choice in fields(self.recipe):
            if choice.name != "degrade" or self.recipe.degrade:
                words += [option(choice.name), str(getattr(self.recipe, choice.name))]
        for name in ("validation", "init", "name"):
            if getattr(self, name) is not None:
                words += [option(name), str(getattr(self, name))]
        words += ["--every", f"{self.interval:g}", "--device", self.compute.device]
        words += ["--precision", self.compute.precision, "--licence", self.licence, "--store", self.store]
        return shlex.join([*words, *(["--recursive"] if self.recursive else [])])


def _among(choices: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """Return the choices that are fields of a dataclass."""
    return {each.name: choices[each.name] for each in fields(kind) if each.name in choices}
