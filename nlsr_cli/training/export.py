"""What a run leaves to be used: its best weights as models, scored on the validation pictures, each with a card."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from nlsr_cli.nlsn import NLSN
from nlsr_cli.nlsn.presets import preset
from nlsr_cli.training.card import Standing, Trained, write_training_card
from nlsr_cli.training.events import Exported
from nlsr_cli.training.folder import RunFolder
from nlsr_cli.training.validation import score_all
from nlsr_cli.zoo.checkpoint import save_model


def export(
    run: Trained, folder: RunFolder, weights: Mapping[int, Mapping[str, Tensor]], standing: Standing
) -> tuple[Exported, ...]:
    """Write a model for each scale into the folder of its run, with a card that tells how far the run was."""
    exported = []
    for scale, tensors in weights.items():
        model = NLSN(preset(run.plan.preset, scale))
        model.load_state_dict(tensors)
        model.eval().to(run.placement.device)
        psnr, ssim = score_all(model, run.data.validation[scale], run.placement)
        place = folder.model_of(scale if len(weights) > 1 else None)
        exported.append(Exported(scale, psnr, ssim, place))
        save_model(model, place, write_training_card(run, standing, exported[-1]), store=run.plan.store)
    return tuple(exported)
