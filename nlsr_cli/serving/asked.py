"""What a client may ask of a picture: options of the command line by the same names, as texts of a query or a form.

Paths, devices and limits are the business of whoever runs the server, and no option of a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nlsr_cli.errors import UnknownChoice
from nlsr_cli.keywords import options_of
from nlsr_cli.options import ALPHAS, WRAPS, UpscaleOptions
from nlsr_cli.serving.refusals import Unusable
from nlsr_cli.sizes import FITS

FORMATS = ("png", "jpeg", "webp", "tiff", "bmp", "avif", "gif", "jxl", "qoi")
LONGEST = 1024  # characters of a value, and of a name
_SIDE = {"type": "integer", "minimum": 1, "maximum": 10**7}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_AMOUNT = {"type": "string", "pattern": r"^(auto|0(\.[0-9]{1,6})?|1|1\.0{1,6})$"}
_FLAG = {"type": "boolean"}


@dataclass(frozen=True)
class Option:
    """One option: what JSON Schema says of its value, how its text is read, and what it does."""

    schema: Mapping[str, Any]
    kind: Literal["whole", "number", "flag", "text"]
    help: str


OPTIONS: dict[str, Option] = {
    "scale": Option(
        {"type": "string", "pattern": r"^([1-9]|1[0-6])$|^([1-9]|1[0-5])\.[0-9]{1,6}$", "examples": ["2"]},
        "text",
        "How many times larger: 2, 2.5 or 150%.",
    ),
    "width": Option(_SIDE, "whole", "Width in pixels."),
    "height": Option(_SIDE, "whole", "Height in pixels."),
    "short_side": Option(_SIDE, "whole", "Shorter side in pixels."),
    "long_side": Option(_SIDE, "whole", "Longer side in pixels."),
    "megapixels": Option({"type": "number", "exclusiveMinimum": 0}, "number", "Size in millions of pixels."),
    "fit": Option({"type": "string", "enum": list(FITS)}, "text", "What width and height together mean."),
    "format": Option({"type": "string", "enum": list(FORMATS)}, "text", "Format of the result; else the source's own."),
    "quality": Option({"type": "integer", "minimum": 1, "maximum": 100}, "whole", "Quality of formats with loss."),
    "lossless": Option(_FLAG, "flag", "Lose nothing where the format can."),
    "pyramid": Option(_FLAG, "flag", "Put reduced copies into a TIFF."),
    "background": Option({"type": "string"}, "text", "What transparency becomes where the format has none."),
    "strip": Option(_FLAG, "flag", "Carry no metadata but profile, density and orientation."),
    "no_provenance": Option(_FLAG, "flag", "Do not say in the result how it was made."),
    "page": Option({"type": "integer", "minimum": 1}, "whole", "Enlarge one page of a TIFF only."),
    "ensemble": Option(_FLAG, "flag", "Average eight passes: eight times as slow, a little better."),
    "strength": Option(_SHARE, "number", "How much of the network's result; the rest is interpolated."),
    "deblock": Option(_AMOUNT, "text", "Remove JPEG blocks: auto, or from 0 to 1."),
    "denoise": Option(_AMOUNT, "text", "Remove noise: auto, or from 0 to 1."),
    "wrap": Option({"type": "string", "enum": list(WRAPS)}, "text", "Edges that meet, for textures and panoramas."),
    "alpha": Option({"type": "string", "enum": list(ALPHAS)}, "text", "What enlarges transparency."),
    "floor": Option({"type": "number", "minimum": 0, "maximum": 100}, "number", "Least agreement with the source, dB."),
}
OTHERS = {
    "model": "One of the models that GET /v1/options lists.",
    "name": "What the client calls the picture; the name of the result follows from it.",
}


@dataclass(frozen=True)
class Asked:
    """What is asked of one picture. `settings` are options by name, as `Upscaler.upscale` takes them; `model` None is
    the server's first; `name` is for people, and never a path.
    """

    settings: Mapping[str, Any]
    model: str | None
    name: str

    @property
    def options(self) -> UpscaleOptions:
        """Return the options that decide about pixels, checked together.

        Raises:
            OptionError: they contradict each other.
        """
        return options_of(self.settings)


def read(pairs: Iterable[tuple[str, str]], models: Iterable[str]) -> Asked:
    """Return what names and values ask for.

    Raises:
        Unusable: a name is unknown or stands twice, or a value is no such value.
        OptionError: a value is out of range, or two contradict each other.
    """
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in OPTIONS and name not in OTHERS:
            raise UnknownChoice("option", name, [*OPTIONS, *OTHERS])
        if name in given:
            raise Unusable(f"{name} is given twice", "Give it once, in the address or in the form.")
        if len(value) > LONGEST:
            raise Unusable(f"{name} has more than {LONGEST} characters", "Give a shorter value.")
        given[name] = value
    model, name = given.pop("model", None), given.pop("name", "")
    if model is not None and model not in models:
        raise UnknownChoice("model", model, models)
    asked = Asked({each: _value(each, text) for each, text in given.items()}, model, clean(name))
    wanted = asked.settings.get("format")
    if wanted is not None and wanted not in FORMATS:
        raise UnknownChoice("format", wanted, FORMATS)
    _check(asked)
    return asked


def _check(asked: Asked) -> None:
    """Refuse values that no picture could have, before one is received."""
    from nlsr_cli.images import parse_background

    parse_background(asked.options.encode.background)


def _value(name: str, text: str) -> Any:  # noqa: ANN401 - as keywords have it
    kind = OPTIONS[name].kind
    if kind == "whole" and not re.fullmatch(r"-?[0-9]{1,12}", text):
        raise Unusable(f"{name} must be a whole number, not '{text[:40]}'", f"For example: {name}=3")
    if kind == "number" and not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,12})?([eE]-?[0-9]{1,2})?", text):
        raise Unusable(f"{name} must be a number, not '{text[:40]}'", f"For example: {name}=0.5")
    if kind == "flag" and text not in ("true", "false", "1", "0"):
        raise Unusable(f"{name} must be true or false, not '{text[:40]}'", f"For example: {name}=true")
    if kind == "flag":
        return text in ("true", "1")
    return int(text) if kind == "whole" else float(text) if kind == "number" else text


def clean(name: str) -> str:
    """Return what a client calls a picture without folders and what nobody can see; it is shown, and never a path."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(each for each in last if each.isprintable()).strip(" .")
    return shown[:100] or "picture"
