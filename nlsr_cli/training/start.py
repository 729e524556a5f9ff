"""What a run begins with: a device and a precision, networks that are new or continue others, and their trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nlsr_cli.errors import OptionError, UnknownModel, WeightsMismatch
from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.nlsn.presets import preset
from nlsr_cli.options import SCALES, ComputeOptions
from nlsr_cli.training.data import Data
from nlsr_cli.training.memory import within_memory
from nlsr_cli.training.patches import PatchPool
from nlsr_cli.training.plan import Plan
from nlsr_cli.training.trainer import Trainer, share_body
from nlsr_cli.upscaling.device import DTYPES, Placement, place, supported_precisions
from nlsr_cli.zoo import ModelSource, describe, resolve
from nlsr_cli.zoo.checkpoint import load_model
from nlsr_cli.zoo.infer import SHOWN
from nlsr_cli.zoo.source import RUN_MODEL, WEIGHTS_NAME

# No shape tells these, but weights that were trained with one value are of no use with another.
_MUST_AGREE = ("res_scale", "rgb_range", "image_skip")
_TAIL = "tail."


@dataclass(frozen=True)
class Origin:
    """The model that a network continues: its name and licence, and in words what was taken from it."""

    name: str
    licence: str
    taken: str


def place_training(options: ComputeOptions) -> Placement:
    """Return the device and precision of a run; `auto` is bf16 where the device has it in hardware, else fp32.

    Raises:
        OptionError: this machine has no such device, or the device has no such precision.
    """
    automatic = options.precision == "auto"
    placement = place(replace(options, precision="fp32") if automatic else options)
    bf16 = automatic and "bf16" in supported_precisions(placement.device)
    return Placement(placement.device, "bf16") if bf16 else placement


def build_networks(plan: Plan) -> tuple[list[NLSN], Origin | None]:
    """Return networks of the preset, of one body, drawn from the seed, with the weights of `plan.init` where given.

    A tail is taken from the model of its scale, where there is one of that name.

    Raises:
        ModelError: the model to begin with is unknown or damaged.
        WeightsMismatch: its body is not that of the preset, and the plan does not allow for that.
    """
    torch.manual_seed(plan.recipe.seed)
    models = [NLSN(preset(plan.preset, scale)) for scale in plan.scales]
    share_body(models)
    # Of a run that goes on the weights are restored, whatever became of the model it continued.
    sources = find_origins(replace(plan, init=None) if plan.resume else plan)
    # The body of the first is the one that stays: it is copied last.
    origins = [_continue(model, source) for model, source in reversed(list(zip(models, sources, strict=True)))]
    return models, origins[-1] if any(origins) else None


def build_trainer(plan: Plan, models: Sequence[NLSN], data: Data, placement: Placement) -> Trainer:
    """Return what trains the networks on the photographs of `data`, which lets go of them.

    Raises:
        TrainingTooLarge: they do not fit into the memory of the device.
    """
    recipe, device = plan.recipe, placement.device
    alike = models[0].config.condconv
    with within_memory(device, f"keeping {data.megapixels:.0f} megapixels", "Give fewer photographs."):
        pools = [PatchPool(pairs, scale, recipe, device, alike=alike) for scale, pairs in data.training.items()]
    data.training.clear()
    damaging = device.type == "cuda" and recipe.degrade
    helpers = max(1, torch.get_num_threads() - 1) if damaging else 0  # on a CPU the network takes all threads
    return Trainer(models, pools, recipe, DTYPES[placement.precision], helpers)


def find_origins(plan: Plan) -> list[ModelSource | None]:
    """Return the model that the network of each scale continues, None for one that is new.

    Raises:
        ModelError: see `build_networks`.
    """
    if plan.init is None:
        return [None] * len(plan.scales)
    try:
        sources = [_find(plan, scale) for scale in plan.scales]
        for scale, source in zip(plan.scales, sources, strict=True):
            _check_body(preset(plan.preset, scale), source)
    except (UnknownModel, WeightsMismatch):
        if plan.init_if_fits:
            return [None] * len(plan.scales)
        raise
    return list(sources)


def _continue(model: NLSN, source: ModelSource | None) -> Origin | None:
    """Copy into `model` what fits of another: everything, or everything but the tail."""
    if source is None:
        return None
    given = load_model(source).state_dict()
    mine = model.state_dict()
    whole = source.network.scale == model.config.scale and all(
        given[name].shape == tensor.shape if name in given else ".changes." in name  # which begin as none
        for name, tensor in mine.items()
    )
    copied = {name: tensor for name, tensor in given.items() if whole or not name.startswith(_TAIL)}
    model.load_state_dict({**mine, **copied})
    taken = f"all {len(copied)} tensors" if whole else f"{len(copied)} tensors; the tail is new"
    return Origin(source.name, describe(source).licence, f"{taken} (it enlarges {source.scale}x)")


def _find(plan: Plan, scale: int) -> ModelSource:
    """Return the model of the scale that is trained where there is one of that name, else the model as named.

    The folder of a run stands for the models in it.
    """
    try:
        return resolve(plan.init, scale, offline=plan.offline)
    except (OptionError, UnknownModel):
        return resolve(_model_of_run(plan.init, scale) or plan.init, None, offline=plan.offline)


def _model_of_run(init: str | None, scale: int) -> str | None:
    """Return the model in the folder of a run: that of the scale where there is one, else any; None elsewhere."""
    folder = Path(init or "")
    names = [f"{RUN_MODEL}-x{scale}", RUN_MODEL, *(f"{RUN_MODEL}-x{each}" for each in SCALES)]
    return next((str(folder / name) for name in names if (folder / name / WEIGHTS_NAME).is_file()), None)


def _check_body(wanted: NLSNConfig, source: ModelSource) -> None:
    """Refuse weights whose body is another network's.

    Raises:
        WeightsMismatch: the message names what differs.
    """
    names = ("n_feats", "n_resblocks", "reduction", "attention_at", "cell", "degradations", *_MUST_AGREE)
    differing = [
        f"{name} is {getattr(source.network, name)}, not {getattr(wanted, name)}"
        for name in names
        if getattr(source.network, name) != getattr(wanted, name)
    ]
    if differing:
        more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        raise WeightsMismatch(
            f"{source.name} cannot be continued: its {', '.join(differing[:SHOWN])}{more}",
            "Choose the --preset that the model was made with, or a model of this preset.",
        )
