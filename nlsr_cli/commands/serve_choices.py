"""The options of `nlsr serve`: name, type and help."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str, typer.Option(help="Address to listen at; one that others reach needs --token.")]
Port = Annotated[int, typer.Option(help="Port to listen at; 0 is any that is free.")]
Token = Annotated[
    str | None,
    typer.Option(envvar="NLSR_TOKEN", help="Secret that clients must show. [default: none, on this machine alone]"),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="NAME", help="Host name by which clients call the server; may be repeated."),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="NAME", help="Model that clients may choose; may be repeated. [default: embedded ones]"
    ),
]
State = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", help="Folder in which jobs survive a restart. [default: one that goes with the server]"
    ),
]
Keep = Annotated[float, typer.Option(metavar="MINUTES", help="Minutes after which results are forgotten.")]
Queue = Annotated[int, typer.Option(help="Pictures that may wait; one client gets half of the places.")]
MaxUpload = Annotated[str, typer.Option(metavar="BYTES", help="Largest upload, such as 256M.")]
LargestPicture = Annotated[int, typer.Option(help="Largest picture, in pixels; results may have 16 times as many.")]
MaxSeconds = Annotated[float, typer.Option(help="Longest time that one picture may take.")]
Memory = Annotated[str | None, typer.Option(metavar="BYTES", help="Memory for one picture, such as 2G.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Print a line for each picture.")]
