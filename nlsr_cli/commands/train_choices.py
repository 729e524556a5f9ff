"""The arguments and options of `nlsr train` alone: name, type and help. The defaults stand in the command."""

from __future__ import annotations

from typing import Annotated

import typer

from nlsr_cli.commands import completion

# train: the run
Photographs = Annotated[
    list[str] | None, typer.Argument(metavar="[DATA]...", help="Folders and files with photographs.")
]
Out = Annotated[str | None, typer.Option("--out", "-o", help="Folder for the state, log, curve and model of the run.")]
Preset = Annotated[
    str, typer.Option(help="Size of the network: lite, base or full (as published).", autocompletion=completion.presets)
]
TrainScale = Annotated[
    str,
    typer.Option(
        "--scale",
        "-s",
        metavar="N",
        help="Enlargement factor; 2,3,4 trains one body with three tails.",
        autocompletion=completion.training_scales,
    ),
]
Minutes = Annotated[
    float | None, typer.Option(help="Budget in minutes of wall time, validation included. [default: 60]")
]
Steps = Annotated[
    int | None, typer.Option(help="Budget in steps instead of minutes; the run is the same on any machine.")
]
Validation = Annotated[
    str | None, typer.Option(help="Folder of validation pictures. [default: every 20th photograph, held back]")
]
TrainRecursive = Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders.")]
Init = Annotated[
    str | None,
    typer.Option(
        help="Model to start from, as for upscale --model; its scale may differ.", autocompletion=completion.models
    ),
]
TrainResume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")]
Every = Annotated[
    float | None,
    typer.Option(help="Minutes between validations, or steps with --steps. [default: a 40th of the budget]"),
]
TrainPrecision = Annotated[
    str,
    typer.Option(
        help="auto, fp32 or bf16. auto: bf16 if the device supports it, else fp32.",
        autocompletion=completion.training_precisions,
    ),
]
TrainOffline = Annotated[bool, typer.Option("--offline", help="Never fetch --init from the network.")]
Series = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="TOML file of runs to train one after another; --out is the folder that holds them."
    ),
]
Background = Annotated[bool, typer.Option("--background", help="Give way to all other processes (lowest priority).")]
Status = Annotated[str | None, typer.Option(metavar="OUT", help="Print the state of the run in OUT and train nothing.")]
TrainJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per event.")]
TrainVerbose = Annotated[bool, typer.Option("--verbose", "-v", help="Name each file that is skipped.")]

# train: the recipe
Patch = Annotated[int, typer.Option(help="Side of a patch in low-resolution pixels.")]
Batch = Annotated[int, typer.Option(help="Patches per step.")]
Rate = Annotated[float, typer.Option(help="Peak learning rate of Adam: head, tail, biases.")]
MatrixRate = Annotated[float, typer.Option(help="Peak learning rate of Muon: kernels of the body.")]
Warmup = Annotated[float, typer.Option(help="Share of the budget for the warm-up of the learning rates.")]
Average = Annotated[float, typer.Option(help="Decay per step of the averaged weights.")]
Clip = Annotated[float, typer.Option(help="Largest norm of the gradient; 0 turns clipping off.")]
Focus = Annotated[float, typer.Option(help="How strongly to prefer patches with detail; 0 is not at all.")]
Halves = Annotated[float, typer.Option(help="Share of patches from photographs at half size.")]
AttentionFrom = Annotated[float, typer.Option(help="Share of the budget after which attention is trained.")]
Loss = Annotated[str, typer.Option(help="Loss function: l1 or l2.", autocompletion=completion.losses)]
Fourier = Annotated[float, typer.Option(help="Weight of the spectral error in the loss.")]
TrainDegrade = Annotated[
    str,
    typer.Option(
        metavar="STEPS", help="Damage patches as in evaluate --degrade, also with shift; ranges: noise:0-16,jpeg:30-90."
    ),
]
Damaged = Annotated[float, typer.Option(help="Share of patches that --degrade damages.")]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]

# train: the exported model
Name = Annotated[str | None, typer.Option(help="Name of the exported model. [default: own-PRESET-xN]")]
Licence = Annotated[str, typer.Option(help="Licence of the exported model, such as cc-by-4.0.")]
Store = Annotated[
    str,
    typer.Option(
        help="Type of the stored weights: float32, or float16, which halves the file.", autocompletion=completion.stores
    ),
]
