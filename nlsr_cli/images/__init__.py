"""Picture files into pixels and pixels into picture files, losing nothing on the way."""

from __future__ import annotations

from nlsr_cli.images.alpha import bleed_colors, keep_flat, parse_background
from nlsr_cli.images.animation.frames import check_frames
from nlsr_cli.images.animation.reading import read_any
from nlsr_cli.images.estimation import Estimate, estimate
from nlsr_cli.images.formats import NativeFormats, native_formats
from nlsr_cli.images.gain_map import resize_gain_map
from nlsr_cli.images.inspection import Inspection, inspect_picture, read_provenance
from nlsr_cli.images.loading import read_stream
from nlsr_cli.images.pages import Page, Pages
from nlsr_cli.images.picture import Animation, GainMap, Header, Metadata, Picture, Pixels, rgb8
from nlsr_cli.images.reading import probe, read_picture
from nlsr_cli.images.resize import bicubic_rows, crop_to_multiple, reduce_bicubic, resize_bicubic, resize_lanczos
from nlsr_cli.images.writing import (
    check_options,
    check_picture,
    check_size,
    encode_any,
    encode_picture,
    pieces_of,
    write_any,
    write_picture,
)

__all__ = [
    "Animation",
    "Estimate",
    "GainMap",
    "Header",
    "Inspection",
    "Metadata",
    "NativeFormats",
    "Page",
    "Pages",
    "Picture",
    "Pixels",
    "bicubic_rows",
    "bleed_colors",
    "check_frames",
    "check_options",
    "check_picture",
    "check_size",
    "crop_to_multiple",
    "encode_any",
    "encode_picture",
    "estimate",
    "inspect_picture",
    "keep_flat",
    "native_formats",
    "parse_background",
    "pieces_of",
    "probe",
    "read_any",
    "read_picture",
    "read_provenance",
    "read_stream",
    "reduce_bicubic",
    "resize_bicubic",
    "resize_gain_map",
    "resize_lanczos",
    "rgb8",
    "write_any",
    "write_picture",
]
