"""The options that say who shares the pictures of a call: name, type and help."""

from __future__ import annotations

from typing import Annotated

import typer

from nlsr_cli.commands import completion

Division = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Enlarge only part I of N, counted from 0; the parts may run at the same time, on any machines.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Processes that share the pictures, processors and --max-memory. [default: 1, or one for each device]",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Where workers run: local, on this machine, or ray, on the machines of a Ray cluster.",
        autocompletion=completion.engines,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="The Ray cluster of --engine ray. [default: auto, the one of this machine]"),
]
