"""`nlsr evaluate`: how near a model comes to the truth, by the protocol of the field."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import typer

from nlsr_cli.commands import choices
from nlsr_cli.console import Speech
from nlsr_cli.console.evaluation import EvaluationConsole
from nlsr_cli.errors import OptionError
from nlsr_cli.options import (
    DEFAULT_MAX_PIXELS,
    ComputeOptions,
    TileOptions,
    UpscaleOptions,
    parse_amount,
    parse_network_scale,
)

if TYPE_CHECKING:
    from nlsr_cli.errors import ExitCode
    from nlsr_cli.evaluation import Pairs
    from nlsr_cli.evaluation.degrade import Degradation
    from nlsr_cli.evaluation.evaluate import Enlarge
    from nlsr_cli.images import Pixels
    from nlsr_cli.upscaling.enlarger import Enlarger

BICUBIC = "bicubic"  # in place of a model


def evaluate(
    model: choices.Judged,
    data: choices.Truth,
    lr: choices.LowResolution = None,
    recursive: choices.EvaluateRecursive = False,
    scale: choices.EvaluateScale = None,
    device: choices.Device = "auto",
    precision: choices.EvaluatePrecision = "auto",
    tile: choices.Tile = "auto",
    overlap: choices.Overlap = 16,
    ensemble: choices.EvaluateEnsemble = False,
    degrade: choices.EvaluateDegrade = None,
    deblock: choices.EvaluateDeblock = "auto",
    denoise: choices.Denoise = "auto",
    oracle: choices.Oracle = False,
    max_pixels: choices.MaxPixels = DEFAULT_MAX_PIXELS,
    offline: choices.Offline = False,
    as_json: choices.EvaluateJson = False,
    quiet: choices.OnlyResults = False,
) -> None:
    """Score a model on pictures: PSNR and SSIM, against bicubic interpolation.

    The protocol is the usual one: bicubic reduction makes the low resolution, outputs are 8-bit, and the scores compare
    the Y channel (BT.601) without a border as many pixels wide as the scale. Both steps compute what MATLAB computes.

    Example: nlsr evaluate lite Set5/HR --lr Set5/LR --scale 4
    """
    console = EvaluationConsole(Speech(quiet=quiet, as_json=as_json))
    with console.guarded():
        from nlsr_cli.evaluation import find_pairs

        options = UpscaleOptions(
            model=model,
            scale=None if scale is None else parse_network_scale(scale),
            offline=offline,
            compute=ComputeOptions(device, precision),
            tile=TileOptions.parse(tile, overlap),
            max_pixels=max_pixels,
            ensemble=ensemble,
            deblock=parse_amount(deblock, "--deblock"),
            denoise=parse_amount(denoise, "--denoise"),
        )
        _ = options.network_scale  # a measure is of one network, or of what papers compare it with
        degradation = None if degrade is None else _degradation(degrade, made=lr is None)
        if oracle and degradation is None:
            raise OptionError("--oracle tells the network the damage of --degrade", "For example: --degrade jpeg:50")
        subject = _interpolation(options) if model == BICUBIC else _network(console, options)
        if oracle:
            subject.listen()
        pairs = find_pairs(data, lr, subject.scale, recursive=recursive)
        code = _evaluate(console, subject, pairs, max_pixels, degradation)
    raise typer.Exit(int(code))


@dataclass
class _Subject:
    """What is scored.

    `restores` says whether it can be told of damage, `oracle` that it is told of the true one. `events` holds what went
    differently from the plan while the last picture was enlarged.
    """

    scale: int
    settings: dict[str, Any]
    enlarger: Enlarger | None = None
    restores: bool = False
    oracle: bool = False
    events: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Let the network be told the true damage.

        Raises:
            OptionError: it cannot be told of any.
        """
        if not self.restores:
            raise OptionError(
                f"--oracle needs a network that was trained on damaged pictures, which {self.settings['model']} is not",
                "Omit --oracle, or evaluate lite.",
            )
        self.oracle = True

    @property
    def enlarge(self) -> Enlarge | None:
        """Return what enlarges (h, w, 3) uint8 as `nlsr upscale` does; None for bicubic interpolation.

        With an oracle it takes the true damage, (compression, noise), as a second argument.
        """
        from nlsr_cli.images import Metadata, Picture
        from nlsr_cli.upscaling.restoration import Restoration

        enlarger = self.enlarger
        if enlarger is None:
            return None

        def enlarge(pixels: Pixels, truth: tuple[float, float] | None = None) -> Pixels:
            restoration = None if truth is None else Restoration(*truth)
            enlarged = enlarger.upscale(Picture(pixels, None, Metadata("PNG", "RGB")), restoration=restoration)
            self.events = list(enlarged.events)
            return enlarged.picture.color

        return enlarge


def _degradation(text: str, *, made: bool) -> Degradation:
    """Return what the low resolution goes through, which is `made` here or was given.

    Raises:
        OptionError: it is no degradation, or none that can be scored.
    """
    from nlsr_cli.evaluation.degrade import Degradation

    degradation = Degradation.parse(text, without=("shift",) if made else ("shift", "reduce"))
    if degradation.moves:
        raise OptionError("--degrade shift moves pixels away from the truth", "Omit shift: it is for training.")
    if degradation.reduces and not made:
        raise OptionError("--degrade reduce does nothing with --lr: those files are reduced", "Omit reduce or --lr.")
    return degradation


def _interpolation(options: UpscaleOptions) -> _Subject:
    if options.network_scale is None:
        raise OptionError("bicubic needs a scale", "Add --scale 2, 3 or 4.")
    if options.ensemble:
        raise OptionError("--ensemble needs a model: bicubic gives the same result for every turn of a picture")
    return _Subject(options.network_scale, {"model": BICUBIC})


def _network(console: EvaluationConsole, options: UpscaleOptions) -> _Subject:
    from nlsr_cli.api import build_enlarger, find_model

    source = find_model(options)
    for note in source.notes:
        console.note(f"note: {note}")
    enlarger = build_enlarger(options, source)
    enlarger.plan(1, 1)  # an overlap that fits no tile must not wait for the first picture
    settings = {
        "model": source.name,
        "device": str(enlarger.placement.device),
        "precision": enlarger.placement.precision,
        "ensemble": options.ensemble,
        "tile": "auto" if options.tile.size is None else options.tile.size,
        "overlap": options.tile.overlap,
    }
    return _Subject(source.scale, settings, enlarger, restores=source.network.degradations > 0)


def _evaluate(
    console: EvaluationConsole, subject: _Subject, found: Pairs, max_pixels: int, degradation: Degradation | None
) -> ExitCode:
    from nlsr_cli.evaluation import Summary, evaluate_pictures

    lonely = ("low-resolution picture", "without a high-resolution partner")
    for why, paths in (*found.passed.by_choice(), (lonely, found.lonely)):
        console.passed_over(paths, why)
    settings = subject.settings | ({"degrade": degradation.text, "oracle": subject.oracle} if degradation else {})
    summary = Summary(len(found.pairs), subject.scale, settings, passed=found.passed)
    enlarge = subject.enlarge
    with console.evaluation_progress(len(found.pairs)) as advance:
        try:
            for result in evaluate_pictures(
                enlarge,
                found.pairs,
                subject.scale,
                baseline=enlarge is not None,
                max_pixels=max_pixels,
                degradation=degradation,
                oracle=subject.oracle,
            ):
                told = replace(result, notes=(*result.notes, *subject.events))
                subject.events = []
                summary.pictures.append(told)
                advance()
                console.picture_score(told)
        except KeyboardInterrupt:
            summary.interrupted = True
    console.evaluation(summary)
    return summary.exit_code
