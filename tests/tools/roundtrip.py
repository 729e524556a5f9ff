"""What comes out of each format, measured through the command line: `python -m tests.tools.roundtrip` prints a table.

One photograph with a Display P3 profile, EXIF orientation 6, XMP and 300 dpi, one cut-out with an alpha edge, and one
grey picture go into `nlsr upscale --scale 2` in every format that can be written, and what comes out is opened again.
"""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.images.formats import WRITABLE
from nlsr_cli.images.metadata.provenance import history
from tests.conftest import ASSETS
from tests.images import icc
from tests.images.metadata.test_xmp import packet

ORIENTATION, MAKE = 0x0112, 0x010F
XMP = packet(b'tiff:Orientation="6"', b"<dc:title>A tower</dc:title>")


# One frame becomes PNG; Pillow writes none (see tests/images/jpegxl); tiles are no file.
PASSED_OVER = ("GIF", "JXL", "DZI")


@dataclass(frozen=True)
class Row:
    """One format: each cell is "kept", or what became of it."""

    format: str
    size: str
    grey: str
    alpha: str
    icc: str
    orientation: str
    dpi: str
    exif: str
    xmp: str
    made: str


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(format_, Path(folder)) for format_ in WRITABLE if format_ not in PASSED_OVER]
    names = list(Row.__annotations__)
    lines = [names, ["---"] * len(names), *([getattr(row, name) for name in names] for row in rows)]
    sys.stdout.writelines(f"| {' | '.join(line)} |\n" for line in lines)
    return 0


def measure(format_: str, folder: Path) -> Row:
    """Return what one format keeps."""
    photo, photo_notes = enlarge(make_photo(format_, folder), folder)
    with photo, Image.open(folder / f"photo{WRITABLE[format_][0]}") as before:
        before.load()  # where Pillow turns a TIFF upright by itself
        upright = before if format_ in ("BMP", "TIFF") else before.transpose(Image.Transpose.ROTATE_270)
        exif = photo.getexif()
        return Row(
            format=format_,
            size="kept" if photo.size == (2 * upright.width, 2 * upright.height) else f"{photo.size}",
            grey=grey_cell(format_, folder),
            alpha=alpha_cell(format_, folder),
            icc=icc_cell(photo, photo_notes),
            orientation="none in the file" if format_ == "BMP" else orientation_cell(photo, upright),
            dpi="kept" if dpi_of(photo) == (300, 300) else f"{dpi_of(photo)}",
            exif="none in the file" if format_ == "BMP" else "kept" if exif.get(MAKE) == "Camera & Sons" else "lost",
            xmp=xmp_cell(photo, photo_notes),
            made=made_cell(photo),
        )


def enlarge(source: Path, folder: Path, *options: str) -> tuple[Image.Image, str]:
    """Run the command line and open what it wrote; the second value is what it said."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    result = CliRunner().invoke(app, ["upscale", str(source), "--scale", "2", "-o", str(out), *options])
    if result.exit_code:
        raise RuntimeError(result.stderr)
    image = Image.open(next(out.iterdir()))
    image.load()
    return image, result.stderr


def make_photo(format_: str, folder: Path) -> Path:
    path = folder / f"photo{WRITABLE[format_][0]}"
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[MAKE] = "Camera & Sons"
    if format_ == "TIFF":
        exif[700] = XMP
    if format_ in ("WEBP", "AVIF"):
        exif[0x011A] = exif[0x011B] = 300.0
        exif[0x0128] = 2
    lossless = {"lossless": True} if format_ == "WEBP" else {"quality": 95} if format_ in ("JPEG", "AVIF") else {}
    words = {"PNG": {"pnginfo": png_words()}, "TIFF": {}, "BMP": {}}.get(format_, {"xmp": XMP})
    with Image.open(ASSETS / "tower.jpg") as image:
        profile = icc.rgb("Display P3", icc.DISPLAY_P3)
        image.convert("RGB").save(path, format_, icc_profile=profile, exif=exif, dpi=(300, 300), **lossless, **words)
    return path


def png_words() -> PngInfo:
    words = PngInfo()
    words.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return words


def icc_cell(photo: Image.Image, notes: str) -> str:
    if photo.info.get("icc_profile") == icc.rgb("Display P3", icc.DISPLAY_P3):
        return "kept"
    return "sRGB, said" if "profile" in notes or photo.format == "BMP" else "lost"


def xmp_cell(photo: Image.Image, notes: str) -> str:
    """One packet says orientation 6 and a title: the first is corrected, the second stays."""
    if photo.format == "BMP":
        return "none in the file"
    packet = photo.info.get("xmp", b"")
    kept = XMP.partition(b"6")[2].partition(b"</rdf:RDF>")[0] in packet and b'tiff:Orientation="1"' in packet
    return "kept" if kept else "left out, said" if "XMP" in notes else "lost"


def made_cell(photo: Image.Image) -> str:
    """What says how the picture was made."""
    if photo.format == "BMP":
        return "no place"
    (step,) = history(photo.info.get("xmp")) or ({},)
    return "told" if step.get("output_size") == f"{photo.width}x{photo.height}" else "wrong"


def orientation_cell(photo: Image.Image, upright: Image.Image) -> str:
    """Applied once: the enlarged picture, reduced again, is the upright original, and the tag says 1."""
    again = photo.convert("RGB").resize(upright.size, Image.Resampling.BOX)
    error = np.abs(np.asarray(upright.convert("RGB"), float) - np.asarray(again, float)).mean()
    right = error < 4 and photo.getexif().get(ORIENTATION, 1) == 1
    return "applied once, reset" if right else "wrong"


def dpi_of(photo: Image.Image) -> tuple[int, int] | None:
    exif = photo.getexif()
    dpi = photo.info.get("dpi") or (exif.get(0x011A, 0), exif.get(0x011B, 0))
    return round(float(dpi[0])), round(float(dpi[1]))


def grey_cell(format_: str, folder: Path) -> str:
    path = folder / f"grey{WRITABLE[format_][0]}"
    with Image.open(ASSETS / "tower.jpg") as image:
        image.convert("L").save(path, format_)
    photo, notes = enlarge(path, folder)
    if photo.mode == "L":
        return "kept"
    channels = np.asarray(photo.convert("RGB")).astype(int)
    equal = np.abs(channels - channels[:, :, :1]).max() <= 1
    return f"RGB of equal channels{', said' if 'grey' in notes else ''}" if equal else "coloured"


def alpha_cell(format_: str, folder: Path) -> str:
    """An orange disc on transparent black; a fringe would be a dark visible pixel."""
    down, across = np.mgrid[:48, :48] - 23.5
    inside = np.hypot(down, across) < 16
    pixels = np.zeros((48, 48, 4), np.uint8)
    pixels[inside] = (250, 160, 40, 255)
    path = folder / "alpha.png"
    Image.fromarray(pixels).save(path)
    photo, notes = enlarge(path, folder, "--format", format_.lower())
    if photo.mode != "RGBA":
        return "on white, said" if "transparency" in notes else "lost"
    found = np.asarray(photo).astype(int)
    visible = found[:, :, 3] > 16
    error = np.abs(found[visible][:, :3] - (250, 160, 40)).max()
    return f"{photo.mode}, colour error at the edge {error}"


if __name__ == "__main__":
    sys.exit(main())
