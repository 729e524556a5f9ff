"""The arguments and options of all commands: name, type and help. The defaults stand in the commands.

What several commands take comes first, then what one command takes. An alias begins with the name of its command where
another command describes the same option in other words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nlsr_cli.commands import completion

# Shared: where and how the network runs
Device = Annotated[
    str,
    typer.Option("--device", "-d", help="Device: auto, cpu, cuda, cuda:N or mps.", autocompletion=completion.devices),
]
UpscaleDevice = Annotated[
    str,
    typer.Option(
        "--device",
        "-d",
        help="Device: auto, cpu, cuda, cuda:N or mps; cuda:all or a list such as cuda:0,cuda:2 has a process for each.",
        autocompletion=completion.many_devices,
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        help="Side of a tile in input pixels; 0 takes the whole picture at once.", autocompletion=completion.tiles
    ),
]
Overlap = Annotated[int, typer.Option(help="Input pixels that neighbouring tiles share; less in small tiles.")]
Denoise = Annotated[
    str,
    typer.Option(
        metavar="AMOUNT", help="How strongly to remove noise: auto, or 0 to 1.", autocompletion=completion.amounts
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never fetch a model from the network.")]
MaxPixels = Annotated[int, typer.Option(help="Refuse pictures with more pixels.")]

# Shared: what is printed
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
OnlyErrors = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
OnlyResults = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but results and errors.")]

# upscale: pictures, and their size
Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="INPUT", help="Pictures, folders, patterns, or - for standard input."),
]
FilesFrom = Annotated[
    str | None,
    typer.Option("--files-from", metavar="FILE", help="Also take the names in FILE, one a line; - is standard input."),
]
Null = Annotated[
    bool, typer.Option("--null", "-0", help="Names in --files-from end with a NUL byte, as find -print0 writes them.")
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", help="File or folder to write, or - for standard output. [default: beside the input]"
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Keep running, and enlarge what comes into the folders given as inputs.")
]
Interval = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Time between two looks of --watch, which takes what both find the same. [default: 2]"
    ),
]
UpscaleScale = Annotated[
    str | None,
    typer.Option(
        "--scale",
        "-s",
        metavar="N",
        help="Enlargement factor, 1 to 16, such as 4, 2.5 or 150%. [default: the model's, or 4]",
        autocompletion=completion.scales,
    ),
]
Width = Annotated[int | None, typer.Option(help="Width of the output, instead of --scale.")]
Height = Annotated[int | None, typer.Option(help="Height of the output; with --width, the two form a box (see --fit).")]
ShortSide = Annotated[int | None, typer.Option(help="Shorter side of the output.")]
LongSide = Annotated[int | None, typer.Option(help="Longer side of the output.")]
Megapixels = Annotated[float | None, typer.Option(help="Size of the output in millions of pixels.")]
Fit = Annotated[
    str,
    typer.Option(
        help="How to fill the box of --width and --height: contain (fit inside), cover (fill it, and exceed one side), "
        "or stretch.",
        autocompletion=completion.fits,
    ),
]
UpscaleMaxPixels = Annotated[int, typer.Option(help="Refuse inputs with more pixels.")]

# upscale: what makes the pixels
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Family, name, folder, .safetensors file or Hub id owner/repo[@revision].",
        autocompletion=completion.models,
    ),
]
UpscalePrecision = Annotated[
    str,
    typer.Option(
        help="auto, fp32, fp16 or bf16. auto: fp16 on CUDA, bf16 on CPUs with bf16 hardware, else fp32.",
        autocompletion=completion.precisions,
    ),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(help="Memory for all that nlsr does, such as 1G or 2G. [default: 3/4 of what is free]"),
]
UpscaleEnsemble = Annotated[
    bool, typer.Option("--ensemble", help="Average 8 passes, turned and mirrored: a little better, 8 times slower.")
]
Strength = Annotated[
    float, typer.Option(help="Share of the network's result, 0 to 1; the rest is bicubic interpolation.")
]
UpscaleDeblock = Annotated[
    str,
    typer.Option(
        metavar="AMOUNT",
        help="How strongly to remove traces of JPEG compression: auto, or 0 to 1.",
        autocompletion=completion.amounts,
    ),
]
Wrap = Annotated[
    str,
    typer.Option(
        help="x, y or xy: treat opposite edges as joined, for textures that tile.", autocompletion=completion.wraps
    ),
]
Alpha = Annotated[
    str, typer.Option(help="How to enlarge transparency: model or lanczos.", autocompletion=completion.alphas)
]
Floor = Annotated[
    float,
    typer.Option(help="Lowest PSNR in dB between the source and the result reduced again; 0 accepts any result."),
]

# upscale: the files that are read and written
Page = Annotated[int | None, typer.Option(help="Page of a TIFF, counted from 1. [default: all]")]
UpscaleRecursive = Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders and mirror them.")]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        help="Output format: png, jpeg, webp, tiff, bmp, avif, gif, jxl, qoi or dzi. [default: the input's]",
        autocompletion=completion.formats,
    ),
]
Suffix = Annotated[
    str | None,
    typer.Option(
        help="Suffix of output names; {scale}, {width}, {height} and {ext} are replaced. [default: _x{scale}]"
    ),
]
Quality = Annotated[int, typer.Option(help="Quality of JPEG, WebP, AVIF, JPEG XL and DeepZoom, 1 to 100.")]
Lossless = Annotated[bool, typer.Option("--lossless", help="Write WebP, JPEG XL and DeepZoom without loss.")]
Pyramid = Annotated[
    bool, typer.Option("--pyramid", help="Write TIFF in tiles with reduced copies, for viewers of large pictures.")
]
Backdrop = Annotated[
    str,
    typer.Option(
        help="Background of transparent pictures in formats without alpha.", autocompletion=completion.backgrounds
    ),
]
Strip = Annotated[
    bool,
    typer.Option(
        "--strip", help="Leave out all metadata except the colour profile, the HDR code points and the no-data value."
    ),
]
NoProvenance = Annotated[bool, typer.Option("--no-provenance", help="Do not record in the picture how it was made.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
SkipExisting = Annotated[bool, typer.Option("--skip-existing", help="Keep outputs that exist.")]
UpscaleResume = Annotated[
    bool | None,
    typer.Option(
        "--resume/--no-resume",
        help="Keep finished outputs; redo those whose input or options changed. "
        "[default: for folders, patterns and lists]",
    ),
]
Open = Annotated[
    bool, typer.Option("--open", help="Show the result with the system's viewer: a picture, its page, or a folder.")
]
Compare = Annotated[bool, typer.Option("--compare", help="Also write a page that shows each picture before and after.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan, and what it will take, and stop without decoding a picture.")
]
UpscaleJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per file, and a summary.")]
UpscaleVerbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more about each file.")]

# evaluate
Judged = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model as for upscale --model, or bicubic for plain interpolation.",
        autocompletion=completion.judged,
    ),
]
Truth = Annotated[str, typer.Argument(metavar="DATA", help="Folder with the true, high-resolution pictures.")]
LowResolution = Annotated[
    str | None,
    typer.Option(
        help="Folder with their low-resolution versions, under the same names or with x4 added. [default: made]"
    ),
]
EvaluateRecursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Look into subfolders, also those of --lr with the same names.")
]
EvaluateScale = Annotated[
    str | None,
    typer.Option(
        "--scale",
        "-s",
        metavar="N",
        help="Enlargement factor. [default: the model's, or 4]",
        autocompletion=completion.network_scales,
    ),
]
EvaluatePrecision = Annotated[
    str,
    typer.Option(
        help="Precision, as in upscale: auto, fp32, fp16 or bf16. Published figures are fp32.",
        autocompletion=completion.precisions,
    ),
]
EvaluateEnsemble = Annotated[bool, typer.Option("--ensemble", help="Average 8 passes, turned and mirrored.")]
EvaluateDegrade = Annotated[
    str | None,
    typer.Option(
        metavar="STEPS",
        help="Damage the low resolution first with reduce, blur, noise, jpeg or webp, such as noise:12,jpeg:75.",
    ),
]
EvaluateDeblock = Annotated[
    str,
    typer.Option(
        metavar="AMOUNT",
        help="How strongly to remove traces of compression: auto, or 0 to 1.",
        autocompletion=completion.amounts,
    ),
]
Oracle = Annotated[
    bool, typer.Option("--oracle", help="Give the model the true damage of --degrade instead of an estimate.")
]
EvaluateJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per picture, and a summary.")]

# models
Named = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Family, name, folder, .safetensors file or Hub id.", autocompletion=completion.models
    ),
]
Members = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL]", help="Models to check. [default: all embedded ones]", autocompletion=completion.models
    ),
]
HubId = Annotated[
    str, typer.Argument(metavar="MODEL", help="A Hub id, owner/repo[@revision].", autocompletion=completion.models)
]
ModelsScale = Annotated[
    str | None,
    typer.Option(
        "--scale",
        "-s",
        metavar="N",
        help="Scale of the model in a family or a training run. [default: 4]",
        autocompletion=completion.network_scales,
    ),
]
ModelsOffline = Annotated[bool, typer.Option("--offline", help="Use only the cache, never the network.")]
Checkpoint = Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A published .pt file, or a .safetensors file.")]
Folder = Annotated[str, typer.Argument(metavar="FOLDER", help="Folder to create, ready for push_to_hub.")]
ChunkSize = Annotated[int | None, typer.Option(help="Positions per attention chunk. [default: 144]")]
Hashes = Annotated[int | None, typer.Option(help="Hash rounds. [default: 4]")]
ResidualScale = Annotated[float | None, typer.Option(help="Weight of residual branches. [default: 0.1]")]
ImageSkip = Annotated[
    str | None,
    typer.Option(
        help="Image skip connection: none or bilinear. [default: none]", autocompletion=completion.image_skips
    ),
]
OverwriteFolder = Annotated[bool, typer.Option("--overwrite", help="Replace what the folder holds.")]
