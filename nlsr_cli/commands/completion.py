"""What a shell offers for the values of options: each function takes what is typed of one. Nothing heavy is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from nlsr_cli.options import ALPHAS, PRECISIONS, STORES, WRAPS
from nlsr_cli.sizes import FITS
from nlsr_cli.workers import ALL, ENGINES

Offer = Callable[[str], list[str]]

FORMATS = ("png", "jpeg", "webp", "tiff", "bmp", "avif", "gif", "jxl", "qoi", "dzi")
CASES = ("attention", "network", "picture", "sizes", "threads", "folder")
PRESETS = ("lite", "base", "full")
LOSSES = ("l1", "l2")
IMAGE_SKIPS = ("none", "bilinear")
GPUS = Path("/proc/driver/nvidia/gpus")  # where the driver lists its cards on Linux


def one_of(words: Sequence[str]) -> Offer:
    """Return what offers those of some words that begin as what is typed."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def devices(incomplete: str) -> list[str]:
    """Offer the devices of this machine."""
    from nlsr_cli.upscaling.cuda import read_build

    build = read_build()
    found = ["auto", "cpu"]
    if build is not None and build.cuda is not None and GPUS.is_dir():
        found += ["cuda", *(f"cuda:{number}" for number in range(len(list(GPUS.iterdir()))))]
    if sys.platform == "darwin":
        found.append("mps")
    return one_of(found)(incomplete)


def many_devices(incomplete: str) -> list[str]:
    """Offer the devices of this machine, and all GPUs if there are several."""
    found = devices("")
    several = [ALL] if "cuda:1" in found else []
    return one_of([*found, *several])(incomplete)


def models(incomplete: str) -> list[str]:
    """Offer the families, the embedded models, those in the Hub's cache, and folders and files that hold a model."""
    from nlsr_cli.zoo.registry import EMBEDDED, families

    found = [*families(), *EMBEDDED, *_cached()]
    return [*one_of(found)(incomplete), *_on_disk(incomplete)]


def judged(incomplete: str) -> list[str]:
    """Offer what can be evaluated: models, and interpolation."""
    return [*one_of(("bicubic",))(incomplete), *models(incomplete)]


def _cached() -> list[str]:
    """Return the repositories in the Hub's cache that hold a model's two files; its client would take a second."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(os.environ.get("HF_HOME") or Path(caches, "huggingface"))
    root = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    found = set()
    with suppress(OSError):
        for config in root.glob("models--*/snapshots/*/config.json"):
            if config.with_name("model.safetensors").exists():
                found.add(config.parents[2].name.removeprefix("models--").replace("--", "/"))
    return sorted(found)


def _on_disk(incomplete: str) -> Iterator[str]:
    """Yield folders with a model and weights files whose path begins as what is typed."""
    folder = os.path.dirname(incomplete)  # noqa: PTH120 - what is typed stays as it is, `./` included
    with suppress(OSError):
        for entry in sorted(os.scandir(folder or "."), key=lambda entry: entry.name):
            path = os.path.join(folder, entry.name)  # noqa: PTH118
            if not path.startswith(incomplete):
                continue
            if entry.name.endswith(".safetensors") or Path(path, "model.safetensors").is_file():
                yield path


def scales(incomplete: str) -> list[str]:
    """Offer usual factors."""
    return one_of(("2", "3", "4", "8", "16"))(incomplete)


network_scales = one_of(("2", "3", "4"))
training_scales = one_of(("2", "3", "4", "2,3,4"))
precisions = one_of(PRECISIONS)
training_precisions = one_of(("auto", "fp32", "bf16"))
fits = one_of(FITS)
alphas = one_of(ALPHAS)
wraps = one_of([wrap for wrap in WRAPS if wrap])
formats = one_of(FORMATS)
amounts = one_of(("auto", "0", "0.25", "0.5", "0.75", "1"))
tiles = one_of(("auto", "0", "256", "512"))
presets = one_of(PRESETS)
losses = one_of(LOSSES)
stores = one_of(STORES)
image_skips = one_of(IMAGE_SKIPS)
cases = one_of(CASES)
engines = one_of(ENGINES)
backgrounds = one_of(("white", "black", "grey"))
