"""The arguments and options of `nlsr compare`, `nlsr sheet` and `nlsr attention`: name, type and help."""

from __future__ import annotations

from typing import Annotated

import typer

from nlsr_cli.commands import completion

Before = Annotated[str, typer.Argument(metavar="IN", help="The picture as it was.")]
After = Annotated[list[str], typer.Argument(metavar="OUT", help="What was made of it, once or several times.")]
PageOutput = Annotated[
    str | None, typer.Option("--output", "-o", help="Page to write. [default: OUT_compare.html beside OUT]")
]
CompareTruth = Annotated[
    str | None,
    typer.Option("--truth", metavar="FILE", help="The picture as it should be, of OUT's size: adds PSNR and SSIM."),
]
OverwriteFile = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
OpenPage = Annotated[bool, typer.Option("--open", help="Show the page with the system's browser.")]
CompareJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
SheetFolder = Annotated[str, typer.Argument(metavar="FOLDER", help="Folder with pictures.")]
SheetOutput = Annotated[
    str | None, typer.Option("--output", "-o", help="Picture to write. [default: FOLDER_sheet.png beside FOLDER]")
]
Columns = Annotated[int | None, typer.Option(help="Pictures in a row. [default: as many as there are rows]")]
SheetSize = Annotated[int, typer.Option(help="Longer side of each picture, in pixels.")]
SheetRecursive = Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders.")]
OpenSheet = Annotated[bool, typer.Option("--open", help="Show the sheet with the system's viewer.")]
Looked = Annotated[str, typer.Argument(metavar="IN", help="A picture.")]
At = Annotated[str, typer.Option("--at", metavar="X,Y", help="The pixel that looks, counted from 0.")]
AttentionOutput = Annotated[
    str | None, typer.Option("--output", "-o", help="Page or .png to write. [default: IN_attention.html beside IN]")
]
AttentionScale = Annotated[
    str | None,
    typer.Option(
        "--scale",
        "-s",
        metavar="N",
        help="Enlargement factor, as in upscale: it chooses the network. [default: the model's, or 4]",
        autocompletion=completion.scales,
    ),
]
