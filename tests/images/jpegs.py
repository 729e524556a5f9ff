"""JPEG files of several parts, built byte by byte: gain maps, directories, videos and records behind the picture."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

from tests.images.files import saved

HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
APPLE = "http://ns.apple.com/HDRGainMap/1.0/"
PIXEL_DATA = "http://ns.apple.com/pixeldatainfo/1.0/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
CAMERA = "http://ns.google.com/photos/1.0/camera/"
ISO_HEAD = b"urn:iso:std:iso:ts:21496:-1\0"
# One channel, in the colours of the base: versions, flags, then numerator and denominator of capacities, bounds, gamma
# and offsets (ISO 21496-1, annex C.2).
ISO = b"\0\0\0\0\x40" + struct.pack(">14I", 0, 1, 2, 1, 0, 1, 2, 1, 1, 1, 1, 64, 1, 64)
MAP_XMP = f'xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0" hdrgm:GainMapMin="0" hdrgm:GainMapMax="2" hdrgm:Gamma="1"'
MAP_XMP += ' hdrgm:OffsetSDR="0.015625" hdrgm:OffsetHDR="0.015625" hdrgm:HDRCapacityMin="0" hdrgm:HDRCapacityMax="2"'
MAP_XMP += ' hdrgm:BaseRenditionIsHDR="False"'
APPLE_XMP = f'xmlns:HDRGainMap="{APPLE}" HDRGainMap:HDRGainMapVersion="65536" '
APPLE_XMP += f'xmlns:apdi="{PIXEL_DATA}" apdi:AuxiliaryImageType="urn:com:apple:photo:2020:aux:hdrgainmap"'
VIDEO = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + struct.pack(">I", 16) + b"mdat" + b"\xff\xd8\xff\xe0film"


def segment(marker: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def packet(attributes: str = "", elements: str = "") -> bytes:
    """Return an XMP packet of one description."""
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:about="" '
        f"{attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def xmp(attributes: str = "", elements: str = "") -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(attributes, elements))


def iso(metadata: bytes) -> bytes:
    return segment(0xE2, ISO_HEAD + metadata)


def directory(*items: tuple[str, int]) -> str:
    """Return the directory of Google's with a primary picture and items of the given meanings and lengths."""
    listed = [("Primary", 0), *items]
    rows = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{name}" Item:Length="{size}"/></rdf:li>'
        for name, size in listed
    )
    spaces = f'xmlns:Container="{CONTAINER}" xmlns:Item="{CONTAINER}item/"'
    return f"<Container:Directory {spaces}><rdf:Seq>{rows}</rdf:Seq></Container:Directory>"


def soft(height: int, width: int) -> np.ndarray:
    """Return soft colours (h, w, 3), of which the first channel tells the eight ways to turn a picture apart."""
    rows, columns = np.mgrid[0:height, 0:width] / (max(height, width) - 1)
    layers = 40 + 120 * columns + 60 * rows, 60 + 100 * rows, 200 - 100 * columns
    return np.stack(layers, axis=-1).astype(np.uint8)


def jpeg(*segments: bytes, height: int = 24, width: int = 32, channels: int = 3, exif: bytes | None = None) -> bytes:
    """Return a JPEG of soft colours with more segments behind its header."""
    samples = soft(height, width)
    image = Image.fromarray(samples if channels == 3 else samples[..., 0])
    data = saved(image, "JPEG", quality=95, subsampling=0, **({} if exif is None else {"exif": exif}))
    stop = data.index(b"\xff\xdb")
    return data[:stop] + b"".join(segments) + data[stop:]


def mpf(first: bytes, *others: tuple[int, bytes], order: str = ">") -> bytes:
    """Return pictures one behind the other with a directory in the first, which gives the others types."""

    def content(offset: int, size: int) -> bytes:
        rows, at = struct.pack(order + "IIIHH", 0x030000, size, 0, 0, 0), size - offset
        for kind, data in others:
            rows += struct.pack(order + "IIIHH", kind, len(data), at, 0, 0)
            at += len(data)
        entries = struct.pack(order + "HHI4s", 0xB000, 7, 4, b"0100")
        entries += struct.pack(order + "HHII", 0xB001, 4, 1, 1 + len(others))
        entries += struct.pack(order + "HHII", 0xB002, 7, len(rows), 50)
        mark = b"MM\0*" if order == ">" else b"II*\0"
        return b"MPF\0" + mark + struct.pack(order + "IH", 8, 3) + entries + bytes(4) + rows

    size = len(first) + len(segment(0xE2, content(0, 0)))
    return first[:20] + segment(0xE2, content(28, size)) + first[20:] + b"".join(data for _, data in others)


def map_file(*segments: bytes, height: int = 12, width: int = 16, channels: int = 1) -> bytes:
    """Return a gain map of soft grey: with Adobe's metadata where no segments are given."""
    return jpeg(*(segments or (xmp(MAP_XMP),)), height=height, width=width, channels=channels)


def ultra_hdr(second: bytes | None = None, *, exif: bytes | None = None, more: str = "", trailer: bytes = b"") -> bytes:
    """Return an Ultra HDR file: base, gain map and their directories, and what else the base says in XMP."""
    second = map_file() if second is None else second
    items = directory(("GainMap", len(second)), *([("MotionPhoto", len(trailer))] if trailer else []))
    first = jpeg(xmp(f'xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0" {more}', items), exif=exif)
    return mpf(first, (0, second)) + trailer


def samsung(*records: tuple[str, bytes]) -> bytes:
    """Return the trailer of a Samsung camera."""
    blocks = [struct.pack("<HHI", 0, 0x0A30, len(name)) + name.encode() + data for name, data in records]
    rows, distance = b"", sum(map(len, blocks))
    for block in blocks:
        rows += struct.pack("<HHII", 0, 0x0A30, distance, len(block))
        distance -= len(block)
    head = b"SEFH" + struct.pack("<II", 106, len(blocks)) + rows
    return b"".join(blocks) + head + struct.pack("<I", len(head)) + b"SEFT"
