"""The arguments and options of commands that look and change nothing: name, type and help."""

from __future__ import annotations

from typing import Annotated

import typer

from nlsr_cli.commands import completion

# bench
Cases = Annotated[
    list[str] | None,
    typer.Option(
        help="What to measure: attention, network, picture, sizes, threads or folder; repeatable. [default: all]",
        autocompletion=completion.cases,
    ),
]
BenchPrecision = Annotated[
    str, typer.Option(help="Precision, as in upscale: auto, fp32, fp16 or bf16.", autocompletion=completion.precisions)
]
Quick = Annotated[bool, typer.Option("--quick", help="Use smaller pictures and less time; the figures are rough.")]
Pause = Annotated[
    list[str] | None,
    typer.Option(metavar="OUT", help="Folder of a training run to pause during the measurement; repeatable."),
]

# inspect
Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Picture files, or - for standard input.")]
JsonFiles = Annotated[bool, typer.Option("--json", help="Print one JSON object per file.")]

# status, check
Outputs = Annotated[str, typer.Argument(metavar="FOLDER", help="Folder with outputs; its subfolders count too.")]
Pixels = Annotated[bool, typer.Option("--pixels", help="Decode every output as well.")]
JsonFindings = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per picture that is not as it should be, and a summary.")
]

# plan
Sample = Annotated[list[str], typer.Argument(metavar="INPUT", help="Pictures, folders or patterns.")]
Machines = Annotated[int, typer.Option(help="Machines, or GPUs, each as fast as this one.")]
Pictures = Annotated[int | None, typer.Option(help="Pictures in all, of which INPUT is a sample. [default: INPUT]")]
Price = Annotated[float | None, typer.Option(help="Price of a machine for an hour, in any currency.")]
PlanJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for one machine, and one for all.")]
