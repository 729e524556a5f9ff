"""The options of `upscale` under the names that the command line gives them, and the one place that reads their values.

A value comes as the command line has it, as text ("150%", "2G", "auto"), or as the number or flag that it stands for.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

from nlsr_cli.errors import OptionError, UnknownChoice
from nlsr_cli.options import (
    ComputeOptions,
    EncodeOptions,
    TileOptions,
    UpscaleOptions,
    parse_amount,
    parse_memory,
)
from nlsr_cli.shards import Shard
from nlsr_cli.sizes import SIZE_NAMES, SizeOptions, parse_scale
from nlsr_cli.workers import Workers


class PictureOptions(TypedDict, total=False):
    """What may differ from picture to picture. None is the default of each."""

    scale: float | str | None
    width: int | None
    height: int | None
    short_side: int | None
    long_side: int | None
    megapixels: float | None
    fit: Literal["contain", "cover", "stretch"] | None
    max_memory: int | str | None
    tile: int | str | None
    overlap: int | None
    ensemble: bool | None
    strength: float | None
    deblock: float | str | None
    denoise: float | str | None
    wrap: Literal["", "x", "y", "xy"] | None
    alpha: Literal["model", "lanczos"] | None
    floor: float | None
    max_pixels: int | None


class MachineOptions(TypedDict, total=False):
    """Where networks come from and run, which is decided once."""

    device: str | None
    precision: Literal["auto", "fp32", "fp16", "bf16"] | None
    offline: bool | None


class FileOptions(TypedDict, total=False):
    """What is said of files."""

    page: int | None
    format: str | None
    suffix: str | None
    quality: int | None
    lossless: bool | None
    pyramid: bool | None
    background: str | None
    strip: bool | None
    no_provenance: bool | None
    overwrite: bool | None
    skip_existing: bool | None
    resume: bool | None


class CallOptions(PictureOptions, FileOptions, total=False):
    """What may differ from file to file."""


class PixelOptions(PictureOptions, MachineOptions, total=False):
    """What is said of pixels in memory."""


class AllOptions(PictureOptions, MachineOptions, FileOptions, total=False):
    """What is said of one file."""


class FolderOptions(AllOptions, total=False):
    """What is said of many files."""

    recursive: bool | None
    shard: str | None
    workers: int | None
    engine: Literal["local", "ray"] | None
    address: str | None


PICTURE, MACHINE, FILES = (frozenset(kind.__annotations__) for kind in (PictureOptions, MachineOptions, FileOptions))

# Options that say where an output goes, what happens to what is there, and who makes it: nothing of its content.
NAMING = frozenset(
    {"format", "suffix", "overwrite", "skip_existing", "resume", "recursive", "shard", "workers", "engine", "address"}
)
FOLDERS = frozenset(FolderOptions.__annotations__) - frozenset(AllOptions.__annotations__)


def check_names(given: Collection[str], known: Collection[str]) -> None:
    """Refuse options that nothing here heeds: unknown ones, and those that belong elsewhere.

    Raises:
        OptionError: one of `given` is not in `known`.
    """
    for name in given:
        if name in known:
            continue
        if name in FOLDERS:
            raise OptionError(f"{name} is an option for folders", "Omit it, or call upscale_files.")
        if name in FILES or name == "output":
            raise OptionError(f"{name} is an option for files", "Omit it, or give a path instead of pixels.")
        if name in MACHINE or name == "model":  # which a call of an Upscaler does not know
            raise OptionError(f"{name} is fixed when an Upscaler is made", f"Give it there: Upscaler({name}=...)")
        raise UnknownChoice("option", name, sorted(known))


def merged(base: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """Return options with others that outrank them; a size, or what to do with what exists, replaces any other."""
    kept = dict(base)
    for group in (frozenset(SIZE_NAMES) | {"fit"}, frozenset({"overwrite", "skip_existing", "resume"})):
        if group & {name for name, value in more.items() if value is not None}:
            kept = {name: value for name, value in kept.items() if name not in group}
    return {**kept, **more}


def options_of(given: Mapping[str, object]) -> UpscaleOptions:
    """Return the options that keywords ask for; names of outputs, such as `suffix`, are not looked at.

    Raises:
        OptionError: a value makes no sense, alone or with the others.
    """
    read = {
        name: _READERS[name](value, option_name(name))
        for name, value in given.items()
        if value is not None and name in _READERS
    }

    def taken(*names: str) -> dict[str, Any]:
        return {name: read.pop(name) for name in names if name in read}

    overlap = read.pop("overlap", TileOptions().overlap)
    encode = taken("quality", "lossless", "pyramid", "background", "strip")
    return UpscaleOptions(
        compute=ComputeOptions(**taken("device", "precision")),
        tile=TileOptions.parse(read.pop("tile", "auto"), overlap),
        encode=EncodeOptions(**encode, provenance=not read.pop("no_provenance", False)),
        size=SizeOptions(**taken(*(name for name in SIZE_NAMES if name != "scale"), "fit")),
        **read,
    )


def existing_of(given: Mapping[str, object], *, streams: bool, gathers: Callable[[], bool]) -> str:
    """Return what happens to outputs that exist, as `OutputOptions.existing` has it: with folders and patterns
    (`gathers`), what is finished is kept unless something else is said.

    Raises:
        OptionError: two things are said, or there is nowhere to keep a ledger (`streams`).
    """
    asked = [option_name(name) for name in ("overwrite", "skip_existing", "resume") if given.get(name)]
    if len(asked) > 1:
        raise OptionError(f"{' and '.join(asked)} cannot be combined")
    resume = given.get("resume")
    if resume and streams:
        raise OptionError("--resume needs a file as output", "Give a file after -o, or omit --resume.")
    if given.get("overwrite") or given.get("skip_existing"):
        return "overwrite" if given.get("overwrite") else "skip"
    return "resume" if resume or (resume is None and not streams and gathers()) else "error"


def shard_of(value: object) -> Shard | None:
    """Return the part of a job that a text such as `2/8` names; None is all of it.

    Raises:
        OptionError: there is no such part.
    """
    text = read_text(value, "shard")
    return None if text is None else Shard.parse(text)


def workers_of(given: Mapping[str, object]) -> Workers:
    """Return how many processes share the work, and on which devices, by `device`, `workers`, `engine` and `address`.

    Raises:
        OptionError: they make no sense, alone or together.
    """
    device, count = given.get("device"), given.get("workers")
    return Workers.parse(
        None if device is None else str(device),
        None if count is None else _whole(count, option_name("workers")),
        read_text(given.get("engine"), "engine"),
        read_text(given.get("address"), "address"),
    )


def read_text(value: object, name: str) -> str | None:
    """Return the text that an option is given, or None.

    Raises:
        OptionError: it is no text.
    """
    return None if value is None else _word(value, option_name(name))


def option_name(name: str) -> str:
    """Return how the command line, and so every message, writes an option."""
    return f"--{name.replace('_', '-')}"


def _whole(value: object, option: str) -> int:
    if not isinstance(value, (bool, str)):
        try:
            return operator.index(value)  # type: ignore[arg-type]  # of NumPy's integers too
        except TypeError:
            pass
    raise OptionError(f"{option} must be a whole number, not {_shown(value)}")


def _number(value: object, option: str) -> float:
    if not isinstance(value, (bool, str)):
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            pass
        else:
            return number
    raise OptionError(f"{option} must be a number, not {_shown(value)}")


def _flag(value: object, option: str) -> bool:
    if not isinstance(value, bool):
        raise OptionError(f"{option} must be True or False, not {_shown(value)}")
    return value


def _word(value: object, option: str) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{option} must be text, not {_shown(value)}")
    return value


def _path(value: object, option: str) -> str:
    return str(value) if isinstance(value, Path) else _word(value, option)


def _scale(value: object, option: str) -> float:
    """Return a factor; a whole one is an int, as names and records have it."""
    scale = parse_scale(value) if isinstance(value, str) else _number(value, option)
    return int(scale) if float(scale).is_integer() else scale


def _memory(value: object, option: str) -> int:
    return parse_memory(value) if isinstance(value, str) else _whole(value, option)


def _amount(value: object, option: str) -> float | None:
    return parse_amount(value, option) if isinstance(value, str) else _number(value, option)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


_READERS: dict[str, Callable[[object, str], Any]] = {
    "model": _path,
    "scale": _scale,
    **dict.fromkeys(("width", "height", "short_side", "long_side", "overlap", "max_pixels", "quality", "page"), _whole),
    **dict.fromkeys(("megapixels", "strength", "floor"), _number),
    **dict.fromkeys(("fit", "precision", "wrap", "alpha", "background"), _word),
    **dict.fromkeys(("offline", "ensemble", "lossless", "pyramid", "strip", "no_provenance"), _flag),
    **dict.fromkeys(("device", "tile"), lambda value, _: str(value)),  # a device of torch, and a number, read as texts
    "max_memory": _memory,
    **dict.fromkeys(("deblock", "denoise"), _amount),
}
