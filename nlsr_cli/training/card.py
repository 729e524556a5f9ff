"""The card of a model that a run exports: what it learned from, how, on what, how well, and how to do it again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from nlsr_cli.nlsn.presets import preset
from nlsr_cli.options import counted
from nlsr_cli.training.recipe import option
from nlsr_cli.training.validation import bicubic_psnr
from nlsr_cli.upscaling.device import processor_name
from nlsr_cli.version import __version__
from nlsr_cli.zoo.card import CardFacts, write_card

if TYPE_CHECKING:
    from nlsr_cli.training.data import Data
    from nlsr_cli.training.events import Exported
    from nlsr_cli.training.plan import Plan
    from nlsr_cli.training.start import Origin
    from nlsr_cli.upscaling.device import Placement


class Trained(Protocol):
    """What a card tells of a run."""

    plan: Plan
    data: Data
    placement: Placement
    photographs: int
    megapixels: float

    @property
    def origin(self) -> Origin | None:
        """Return the model that was continued."""


@dataclass(frozen=True)
class Standing:
    """How far a run was when it exported: steps, seconds, the step that is exported, and the share of the budget.

    `ended` tells whether that was its end.
    """

    step: int
    seconds: float
    best_step: int
    share: float
    ended: bool


LIMITS = (
    "Trained on clean bicubic reductions of photographs: JPEG blocks and noise are enlarged like everything else.",
    "Chosen among the states of one run by the validation pictures, so the figures on them flatter it a little: "
    "`nlsr evaluate` measures it on others.",
)


def write_training_card(run: Trained, standing: Standing, exported: Exported) -> str:
    """Return the text of the README.md of one of the models that `run` exports."""
    plan, ssim = run.plan, exported.ssim
    return write_card(
        CardFacts(
            name=plan.name_of(exported.scale),
            config=preset(plan.preset, exported.scale),
            licence=plan.licence,
            licence_text=_licence(run),
            summary=f"Trained with nlsr {__version__} from the preset `{plan.preset}`.",
            training="\n\n".join(_training(run, standing, exported)),
            scores={} if ssim is None else {_pictures(run): (exported.psnr, ssim)},
            limits=LIMITS[1:] if plan.recipe.degrade else LIMITS,
            store=plan.store,
        )
    )


def _training(run: Trained, standing: Standing, exported: Exported) -> list[str]:
    choices = asdict(run.plan.recipe).items()
    recipe = ", ".join(f"{option(name)[2:]} {'none' if value == '' else value}" for name, value in choices)
    bicubic = bicubic_psnr(run.data.validation[exported.scale], exported.scale)
    scales = run.plan.scales
    together = f" Scales {run.plan.scale_text} were trained together, with one body." if len(scales) > 1 else ""
    device = run.placement.device
    threads = f", {counted(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else ""
    return [
        f"Data: {counted(run.photographs, 'photograph')}, {run.megapixels:.2f} megapixels, of {_places(run)}"
        f"{_left_out(run)}.",
        f"Validation: {_pictures(run)}; bicubic interpolation has {bicubic:.2f} dB there, this model "
        f"{exported.psnr:.2f} dB on Y.{_flattery(run)}",
        *([f"Started from `{run.origin.name}`: {run.origin.taken}."] if run.origin else []),
        f"{counted(standing.step, 'step')} in {standing.seconds / 60:.1f} minutes; {_unfinished(standing)}the export "
        f"holds the averaged weights after step {standing.best_step}, the best on the validation pictures.{together}",
        f"Recipe: {recipe}.",
        f"Hardware: {processor_name(device)}{threads} in {run.placement.precision}; PyTorch {torch.__version__}.",
        f"To repeat it:\n\n```\n{run.plan.command()}\n```",
    ]


def _unfinished(standing: Standing) -> str:
    if standing.ended:
        return ""
    return f"the run had not finished and had used {standing.share:.0%} of its budget; "


def _places(run: Trained) -> str:
    """Return the folders that photographs came from: files that were named one by one are told by theirs."""
    folders = (Path(place).resolve().parent if Path(place).is_file() else Path(place) for place in run.plan.data)
    return ", ".join(dict.fromkeys(f"`{folder.name or folder}`" for folder in folders))


def _left_out(run: Trained) -> str:
    counts = {
        "held back for validation": run.data.measured if run.data.held_out else 0,
        "too small": len(run.data.small),
        "unreadable": len(run.data.unreadable),
    }
    told = [f"{count} {why}" for why, count in counts.items() if count]
    return f" ({', '.join(told)} besides)" if told else ""


def _flattery(run: Trained) -> str:
    shared = run.data.shared
    return f" {shared} of these pictures were also trained on, so the figures flatter the model." if shared else ""


def _pictures(run: Trained) -> str:
    count = run.data.measured
    if run.data.held_out:
        return f"the middle of {counted(count, 'photograph')} held back"
    return f"{counted(count, 'picture')} of {Path(str(run.plan.validation)).name}"


def _licence(run: Trained) -> str:
    stated = (
        "Not stated. Whoever publishes this folder states it here and above, in keeping with the photographs."
        if run.plan.licence == "unknown"
        else f"`{run.plan.licence}`, as stated when the training was started."
    )
    if run.origin is None:
        return stated
    return f"{stated} The training continued `{run.origin.name}`, whose licence is `{run.origin.licence}`."
