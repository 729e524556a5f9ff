"""What a caller may choose: frozen dataclasses, checked once when they are built, changed by `dataclasses.replace`.

They import nothing heavy, so that a bad value on the command line is refused before torch loads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from nlsr_cli.errors import OptionError, UnknownChoice
from nlsr_cli.shards import Shard
from nlsr_cli.sizes import SizeOptions

SCALES = (2, 3, 4)  # what a network of this kind can be built for
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
STORES = ("float32", "float16")  # how the weights of a model are stored
DEVICES = ("auto", "cpu", "cuda", "cuda:N", "mps")
DEVICE_PATTERN = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?|mps")

_LEAST_MEMORY = 1 << 16  # bytes: less holds nothing, and is a number whose unit was forgotten
_FIELD = re.compile(r"\{(scale|width|height|ext)\}")  # what a suffix may hold

STREAM = "-"  # standard input or output where it is a text: a file called so is given as a path

ALPHAS = ("model", "lanczos")  # what enlarges transparency
WRAPS = ("", "x", "y", "xy")
DEFAULT_FLOOR = 15.0  # dB: dithered black and white, which is clipped at every pixel, comes down to 17

DEFAULT_MAX_PIXELS = 2**27  # 134 million: above every camera on sale, below what a decompression bomb wants


def counted(count: int, noun: str) -> str:
    """Return a number and what it is of: `1 step`, `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def parse_memory(text: str, option: str = "--max-memory") -> int:
    """Return the bytes that a text such as 2G, 1.5GB, 800 MiB or 1000000 stands for; K, M and G are powers of 1024.

    Raises:
        OptionError: it is no such amount. `option` is how the message calls it.
    """
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([KMGT]?)(?:I?B)?", text.strip().upper())
    if not found:
        raise OptionError(f"{option} must be an amount of memory, not '{text[:40]}'", "For example: 2G, or 800M.")
    amount = int(float(found[1]) * 1024 ** " KMGT".index(found[2] or " "))
    if not found[2] and amount < _LEAST_MEMORY:
        raise OptionError(f"{option} {text.strip()} is only {amount} bytes", "Name a unit: 2G, or 800M.")
    return amount


def parse_amount(text: str, option: str) -> float | None:
    """Return the number that a text such as 0.5 or 50% stands for, or None for `auto`.

    Raises:
        OptionError: it is neither. `option` is how the message calls it.
    """
    if text.strip().lower() == "auto":
        return None
    if percent := re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%", text.strip()):
        return float(percent[1]) / 100
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}", text.strip()):
        raise OptionError(f"{option} must be auto or from 0 to 1, not '{text[:40]}'", f"For example: {option} 0.5")
    return float(text)


def parse_network_scale(text: str) -> int:
    """Return the scale of a network, written as `4`, `4x` or `x4`.

    Raises:
        OptionError: it is written some other way.
    """
    digits = text.strip().lower().removeprefix("x").removesuffix("x")
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise OptionError(f"--scale must be a whole number such as 4, not '{text}'")
    return int(digits)


@dataclass(frozen=True)
class TileOptions:
    """How a picture is cut: `size` is the tile side in input pixels, 0 the whole picture, None automatic."""

    size: int | None = None
    overlap: int = 16

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 0:
            raise OptionError(f"--tile must be auto, 0 or a positive number of pixels, not {self.size}")
        if self.overlap < 0:
            raise OptionError(f"--overlap must be 0 or more pixels, not {self.overlap}")
        if self.size and 2 * self.overlap >= self.size:
            raise OptionError(
                f"--overlap {self.overlap} is too large for --tile {self.size}",
                f"The overlap must stay under half the tile: at most {(self.size - 1) // 2} here.",
            )

    @classmethod
    def parse(cls, size: str, overlap: int) -> TileOptions:
        """Build from the text of `--tile`, which is `auto` or a number.

        Raises:
            OptionError: `size` is neither, or the two do not fit each other.
        """
        if size.lower() == "auto":
            return cls(None, overlap)
        if not re.fullmatch(r"[0-9]{1,9}", size):
            raise OptionError(f"--tile must be auto, 0 or a positive number of pixels, not '{size}'")
        if overlap == cls.overlap:  # what nobody asked for gives way
            overlap = min(overlap, max(0, int(size) - 1) // 2) if int(size) else overlap
        return cls(int(size), overlap)


@dataclass(frozen=True)
class ComputeOptions:
    """Where and how precisely the network runs. `found` is the kind of device and the precision that this comes to on
    the machines that compute, where this one does not; None is to be found here.
    """

    device: str = "auto"
    precision: str = "auto"
    found: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if not DEVICE_PATTERN.fullmatch(self.device):
            word = "cuda" if "gpu" in self.device.lower() else self.device
            raise UnknownChoice("device", self.device, DEVICES, meant=word)
        if self.precision not in PRECISIONS:
            raise UnknownChoice("precision", self.precision, PRECISIONS)


@dataclass(frozen=True)
class EncodeOptions:
    """How a picture is encoded. `quality` is that of JPEG, WebP, AVIF, JPEG XL and DeepZoom (1 to 100); `lossless` is
    for WebP, JPEG XL and DeepZoom; `pyramid` adds reduced copies of the picture to a TIFF; `background` is the colour
    (a name or #rrggbb) under pictures whose target format has no alpha channel. `strip` leaves out all metadata but
    what says how pixels are to be seen: the colour profile, the code points of HDR, the value of missing data;
    `provenance` False what nlsr says of itself.
    """

    quality: int = 95
    lossless: bool = False
    pyramid: bool = False
    background: str = "white"
    strip: bool = False
    provenance: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise OptionError(f"--quality must be from 1 to 100, not {self.quality}")

    def heeding(self, names: Collection[str]) -> EncodeOptions:
        """Return the options, with those that only some formats heed at their defaults unless they are in `names`."""
        plain = EncodeOptions()
        idle = [name for name in ("quality", "lossless", "pyramid", "background") if name not in names]
        return replace(self, **{name: getattr(plain, name) for name in idle})


@dataclass(frozen=True)
class UpscaleOptions:
    """Everything that changes the pixels of an enlarged picture, and the limit under which pictures are read.

    `model` is a family (`lite`), an embedded name (`nlsn-lite-x4`), a folder, a `.safetensors` file or a Hub id
    `owner/repo[@revision]`; None is the default family. `scale` is from 1 to 16; `size` is for what is no factor; where
    neither is asked, it is the model's own scale, or 4 for a family.
    `ensemble` averages eight passes, one for each way to turn and mirror a picture. `max_memory` is in bytes; None is
    three quarters of what the device has free. `alpha` is "model" or "lanczos": what enlarges transparency. `strength`
    from 0 to 1 blends what the network makes with what bicubic interpolation makes. `wrap` is "", "x", "y" or "xy":
    where the picture continues at its other side, as textures do. `floor` is the least PSNR, in dB, with which a result
    that is reduced again must match its input; 0 asks for none. `deblock` and `denoise`, from 0 to 1, are how strongly
    the traces of compression and noise are removed, by models that have learned it; None is as the picture seems to
    need. `page` is the one to take of a TIFF of several, counted from 1.
    """

    model: str | None = None
    scale: float | None = None
    offline: bool = False
    compute: ComputeOptions = field(default_factory=ComputeOptions)
    tile: TileOptions = field(default_factory=TileOptions)
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    max_pixels: int = DEFAULT_MAX_PIXELS
    ensemble: bool = False
    max_memory: int | None = None
    alpha: str = "model"
    strength: float = 1.0
    wrap: str = ""
    floor: float = DEFAULT_FLOOR
    deblock: float | None = None
    denoise: float | None = None
    size: SizeOptions = field(default_factory=SizeOptions)
    page: int | None = None

    def __post_init__(self) -> None:
        _ = self.sizes  # which must not contradict each other
        if self.max_pixels < 1:
            raise OptionError(f"--max-pixels must be at least 1, not {self.max_pixels}")
        if self.page is not None and self.page < 1:
            raise OptionError(f"--page must be at least 1, not {self.page}", "The first page is --page 1.")
        if self.max_memory is not None and self.max_memory < 1:
            raise OptionError(f"--max-memory must be positive, not {self.max_memory}")
        if self.alpha not in ALPHAS:
            raise UnknownChoice("--alpha", self.alpha, ALPHAS)
        if not 0 <= self.strength <= 1:
            raise OptionError(f"--strength must be from 0 to 1, not {self.strength:g}")
        if self.wrap not in WRAPS:
            raise UnknownChoice("--wrap", self.wrap, WRAPS)
        for name, value in (("--deblock", self.deblock), ("--denoise", self.denoise)):
            if value is not None and not 0 <= value <= 1:
                raise OptionError(f"{name} must be auto or from 0 to 1, not {value:g}", f"For example: {name} 0.5")
        if not 0 <= self.floor <= 100:
            raise OptionError(f"--floor must be from 0 to 100 dB, not {self.floor:g}")

    @property
    def sizes(self) -> SizeOptions:
        """Return what is asked of the size, as a factor or otherwise.

        Raises:
            OptionError: both.
        """
        return self.size if self.scale is None else replace(self.size, scale=self.scale)

    @property
    def network_scale(self) -> int | None:
        """Return the scale that one network is to have, for what knows no other: a measure, a bare model.

        Raises:
            OptionError: no network enlarges like that.
        """
        if self.scale is not None and self.scale not in SCALES:
            raise OptionError(f"--scale must be {', '.join(map(str, SCALES[:-1]))} or {SCALES[-1]}, not {self.scale:g}")
        return None if self.scale is None else int(self.scale)


@dataclass(frozen=True)
class SheetOptions:
    """How a contact sheet is laid out: `columns` pictures in a row, None as many as there are rows; `size` is the
    longer side of each in pixels.
    """

    columns: int | None = None
    size: int = 256

    def __post_init__(self) -> None:
        if self.columns is not None and not 1 <= self.columns <= 1000:
            raise OptionError(f"--columns must be from 1 to 1000, not {self.columns}")
        if not 32 <= self.size <= 4096:
            raise OptionError(f"--size must be from 32 to 4096 pixels, not {self.size}")


@dataclass(frozen=True)
class OutputOptions:
    """Where outputs go and what happens to what is there.

    `target` is a file or a folder, None beside the input. `suffix` is put behind the name, with `{scale}`, `{width}`
    and `{height}` replaced.
    `existing` is "error", "overwrite", "skip" or "resume": keep what the ledger beside it says is done, replace what
    nlsr made of another input or with other options, and refuse anything else. `shard` is the part of the pictures
    that this call enlarges; None is all.
    """

    target: str | Path | None = None
    format: str | None = None
    suffix: str | None = None
    existing: str = "error"
    recursive: bool = False
    shard: Shard | None = None

    def __post_init__(self) -> None:
        if self.target == "":
            raise OptionError("the output must not be empty", "Give a file or a folder after -o.")
        if self.existing not in ("error", "overwrite", "skip", "resume"):
            raise OptionError(f"existing must be error, overwrite, skip or resume, not '{self.existing}'")
        if self.shard is not None and self.streams:
            raise OptionError("--shard needs files as outputs", "Give a folder after -o, or omit --shard.")
        if self.suffix is not None and ("/" in self.suffix or "\\" in self.suffix):
            raise OptionError(f"--suffix '{self.suffix}' must not hold a path separator")
        if self.suffix is not None and set("{}\0") & set(_FIELD.sub("", self.suffix)):
            raise OptionError(
                f"--suffix '{self.suffix}' may contain no braces other than {{scale}}, {{width}}, {{height}}, {{ext}}"
            )

    def suffix_for(self, sizes: SizeOptions, scale: float, size: tuple[int, int], source: Path) -> str:
        """Return what the name of an output adds that is `scale` times as large, and of a size, (height, width)."""
        if self.suffix is None:
            return sizes.suffix(size)
        values = {"scale": f"{round(scale, 3):g}", "width": str(size[1]), "height": str(size[0])}
        values["ext"] = source.suffix.removeprefix(".").lower()
        return _FIELD.sub(lambda match: values[match[1]], self.suffix)

    @property
    def suffix_pattern(self) -> str | None:
        """Return a regular expression of the suffixes that it gives to outputs, whatever their size, or None."""
        if not self.suffix:
            return None
        parts = _FIELD.split(self.suffix)  # texts and names of fields, in turn
        fields = [r"\w*" if name == "ext" else r"\d+(?:\.\d+)?" for name in parts[1::2]]
        return "".join(text + field for text, field in zip(map(re.escape, parts[::2]), [*fields, ""], strict=True))

    @property
    def streams(self) -> bool:
        """Tell whether the one output goes to standard output."""
        return self.target == STREAM

    @property
    def place(self) -> Path | None:
        """Return the target as a path; None where none was named, or it is standard output."""
        return None if self.target is None or self.streams else Path(self.target)

    @property
    def names_folder(self) -> bool:
        """Tell whether the target is written as a folder, with a slash at its end."""
        return isinstance(self.target, str) and self.target.endswith(("/", os.sep))
