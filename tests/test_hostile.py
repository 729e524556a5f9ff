"""A folder full of files that no picture program expects: each bad one named with its reason, every good one done."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ASSETS, pixels
from tests.images.deep_files import deep_tiff, samples


def encoded(format_: str, mode: str = "RGB", size: tuple[int, int] = (24, 20), **options: object) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size).save(buffer, format_, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, color_type: int, rows: bytes = b"") -> bytes:
    """Return a PNG with any header, honest or not."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def photograph(format_: str) -> bytes:
    buffer = BytesIO()
    with Image.open(ASSETS / "tower.jpg") as image:
        image.save(buffer, format_)
    return buffer.getvalue()


def damaged(data: bytes, at: int, by: bytes) -> bytes:
    return data[:at] + by + data[at + len(by) :]


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.png": (lambda: b"", "is empty"),
    "zeros.jpg": (lambda: b"\0" * 4096, "picture"),
    "text.jpg": (lambda: b"this is a letter, not a picture\n" * 20, "text"),
    "page.png": (lambda: b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "web page"),
    "drawing.png": (lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "paper.jpg": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF"),
    "archive.webp": (lambda: b"PK\x03\x04" + b"\0" * 60, "ZIP"),
    "phone.jpg": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40, "no still picture"),
    "layers.tif": (lambda: b"8BPS\0\x01" + b"\0" * 60, "Photoshop"),
    "next.png": (lambda: b"\xff\x0a" + b"\xfa" * 60, "is damaged"),
    "signature-only.png": (lambda: b"\x89PNG\r\n\x1a\n", "truncated"),
    "half.png": (lambda: (ASSETS / "colosseum.png").read_bytes()[:30000], "truncated"),
    "half.jpg": (lambda: (ASSETS / "tower.jpg").read_bytes()[:2500], "truncated"),
    "half.webp": (lambda: photograph("WEBP")[:900], "truncated"),
    "half.tif": (lambda: encoded("TIFF", size=(99, 99))[:5000], "truncated"),
    "half.bmp": (lambda: encoded("BMP", size=(99, 99))[:5000], "truncated"),
    "cut.gif": (lambda: (encoded("GIF", "P", (300, 300)))[:30], "truncated"),
    "crc.png": (lambda: damaged((ASSETS / "colosseum.png").read_bytes(), 60, b"\0\xff\0\xff"), "damaged"),
    "bomb.png": (lambda: png(60000, 60000, 8, 2), "pixels"),
    "absurd.png": (lambda: png(2**31 - 1, 2**31 - 1, 8, 2), "pixels"),
    "nothing.png": (lambda: png(0, 5, 8, 2), ""),
    "cut-deep.png": (lambda: png(2, 2, 16, 6, b"\0" * 30), "truncated"),
    "half-deep.tif": (lambda: deep_tiff(samples(3), 2, compression="lzw")[:900], "header makes no sense"),
    "hole.tif": (lambda: deep_tiff(samples(3), 2, more={273: ("I", (8, 0, 1736))}), "damaged"),
    "deepest.tif": (lambda: deep_tiff(samples(3).astype(np.uint32), 2), "32-bit"),
    "no-number.tif": (lambda: deep_tiff(np.full((8, 8, 2), np.nan, np.float32), 1, extra=(2,)), "infinite or NaN"),
    "loop.tif": (lambda: b"II*\0\x08\0\0\0\x01\0" + b"\0" * 12 + b"\x08\0\0\0", ""),
    "odd-depth.png": (lambda: png(2, 2, 7, 2, b"\0" * 14), ""),
    "cut-name.avif": (lambda: b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1A" + b"\0" * 30, ""),
}
GOOD = {
    "plain.png": (ASSETS / "colosseum.png").read_bytes,
    "photo.jpg": (ASSETS / "tower.jpg").read_bytes,
    "mislabelled.jpg": lambda: encoded("PNG"),
    "no-ending": lambda: encoded("WEBP"),
    "deep.png": lambda: png(2, 2, 16, 2, b"\0" * 26),
    "float.tif": lambda: deep_tiff(samples(1, np.float32), 1),
    "deep-alpha.png": lambda: png(2, 2, 16, 6, b"\0" * 34),
    "one pixel ünïcode.bmp": lambda: encoded("BMP", size=(1, 1)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    for name, (make, _) in BAD.items():
        (place / name).write_bytes(make())
    for name, make_good in GOOD.items():
        (place / name).write_bytes(make_good())
    (place / "folder.png").mkdir()
    (place / "dangling.png").symlink_to(place / "gone.png")
    return place


def test_bad_files_are_named_and_good_ones_are_done(folder: Path, tmp_path: Path) -> None:
    assert len(BAD) >= 25
    out = tmp_path / "out"
    command = [sys.executable, "-m", "nlsr_cli", "upscale", folder, folder / "folder.png", "-o", out, "--json"]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ})
    *lines, last = (json.loads(line) for line in process.stdout.splitlines())
    outcomes = {Path(line["source"]).name: line for line in lines}
    assert process.returncode == 3
    assert "Traceback" not in process.stderr
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".jsonl") == [
        "deep-alpha_x4.png",
        "deep_x4.png",
        "float_x4.tif",
        "mislabelled_x4.png",
        "no-ending_x4.webp",
        "one pixel ünïcode_x4.bmp",
        "photo_x4.jpg",
        "plain_x4.png",
    ]
    for path in out.glob("*_x4.*"):
        assert pixels(path).size > 0
    assert (out / "deep_x4.png").read_bytes()[24] == (out / "deep-alpha_x4.png").read_bytes()[24] == 16, "bits"
    for name, (_, reason) in BAD.items():
        assert outcomes[name]["status"] == "failed", name
        message = outcomes[name]["error"]["message"]
        assert reason.lower() in message.lower(), message
        assert f"error: {message}" in process.stderr
        assert message.startswith(f"{folder / name}: ")
        assert "\n" not in message
    assert outcomes["dangling.png"]["status"] == "failed"
    assert last["summary"]["done"] == len(GOOD)
    assert last["summary"]["failed"] == len(BAD) + 1
    assert sorted(path.name for path in folder.iterdir()) == sorted([*BAD, *GOOD, "folder.png", "dangling.png"])
