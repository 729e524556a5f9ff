"""What type checkers must say of every form: read by mypy and pyright, and never run."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from nlsr_cli import (
    Enlarged,
    Outcome,
    OutputOptions,
    Picture,
    UpscaleOptions,
    Upscaler,
    load_model,
    read_picture,
    upscale,
    upscale_file,
    upscale_files,
)


def forms(path: Path, image: Image.Image, eight: npt.NDArray[np.uint8], tensor: Tensor, picture: Picture) -> None:
    """Check what comes back for each form."""
    assert_type(upscale("in.jpg", scale=2), Outcome)
    assert_type(upscale(path, "out.png", long_side=600, quality=80, overwrite=True), Outcome)
    assert_type(upscale(Image.open(path), scale="150%"), Image.Image)
    assert_type(upscale(image, tile=256, max_memory="2G", deblock="auto", denoise=0.5), Image.Image)
    assert_type(upscale(eight), npt.NDArray[np.uint8])
    assert_type(upscale(eight.astype(np.float32), wrap="xy", fit="contain"), npt.NDArray[np.float32])
    assert_type(upscale(tensor, device="cuda", precision="fp16"), Tensor)
    assert_type(upscale(picture).picture, Picture)
    assert_type(upscale(read_picture("in.png"), model=load_model("lite", 2)), Enlarged)


def upscaler(path: os.PathLike[str], image: Image.Image, array: npt.NDArray[np.uint16], tensor: Tensor) -> None:
    """Check the same of a class that is kept, by its method and by a call."""
    with Upscaler(model="lite", device="cuda", scale=2, ensemble=True) as up:
        assert_type(up, Upscaler)
        assert_type(up.upscale(path, suffix="_big"), Outcome)
        assert_type(up(path), Outcome)
        assert_type(up(image, scale=3), Image.Image)
        assert_type(up.upscale(array), npt.NDArray[np.uint16])
        assert_type(up(tensor), Tensor)
    Upscaler({2: load_model("lite", 2), 3: load_model("lite", 3)}, alpha="lanczos")
    Upscaler(Path("runs") / "model")


def files(told: Callable[[int, int], None]) -> None:
    """Check what files take, with keywords and with objects."""
    assert_type(upscale_file("in.jpg", options=UpscaleOptions(scale=4)), Outcome)
    assert_type(upscale_file("in.jpg", scale=4, on_tile=told), Outcome)
    assert_type(upscale_files(["holiday"], "enlarged", recursive=True, resume=False), Iterator[Outcome])
    assert_type(upscale_files([Path("a")], OutputOptions(target="enlarged"), UpscaleOptions()), Iterator[Outcome])


def refused(image: Image.Image, up: Upscaler, anything: Any) -> None:
    """Check what is wrong before it runs: a checker that finds nothing wrong here complains of the comments."""
    upscale(image, sclae=2)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    upscale(image, quality=90)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    upscale("in.jpg", fit="fill")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    up(image, device="cpu")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    upscale(b"bytes")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    upscale_file("in.jpg", recursive=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    upscale(anything)
