"""What the bytes of an output follow from: the content of its input, the models, and the options that change bytes.

Two jobs with one key give the same bytes on one machine with one release of nlsr; what the release was is written
down, but a new one does not make old outputs void.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlsr_cli.images.formats import writing_of
from nlsr_cli.options import OutputOptions, UpscaleOptions
from nlsr_cli.upscaling.foresight import foreseen
from nlsr_cli.version import __version__
from nlsr_cli.zoo.family import ModelSet
from nlsr_cli.zoo.source import ModelSource

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
from nlsr_cli.batch.source import Source, is_file

# Options that only decide whether and how a picture is read or fetched. All others are in the key, those too that are
# yet to be invented; what is to be left out must be named here.
CHANGE_NO_BYTES = frozenset({"offline", "max_pixels", "floor"})
RESOLVED = frozenset({"model", "scale", "size", "compute"})  # in the key as what they turned out to be
_WRITTEN = {"tile.size": "--tile", "encode.provenance": "--no-provenance"} | dict.fromkeys(
    ("height", "width", "stages"), "the size"
)  # in a note, where it is no option of that name


class Identity:
    """Everything but the picture that the bytes of an output follow from.

    Args:
        options: as the caller gave them.
        models: those that pictures may go through.
    """

    def __init__(self, options: UpscaleOptions, models: ModelSet) -> None:
        self._options = options
        self._models = models

    def models(self, job: Job) -> list[dict[str, Any]]:
        """Return name, revision and SHA-256 of the weights of each model that a job goes through, in order.

        Raises:
            ModelError: a file of weights cannot be read.
        """
        return [self._describe(model) for model in self._sources(job)]

    def weights(self, job: Job) -> tuple[str, ...]:
        """Return the SHA-256 of the weights of each model that a job goes through, in order."""
        return tuple(model["sha256"] for model in self.models(job))

    @property
    def settings(self) -> dict[str, Any]:
        """Return the options that change bytes, with device and precision as they turn out to be on this machine.

        `precision` names two: that of 8-bit pictures, and that of deeper ones, which run in float32 unless another was
        asked for. Where torch is not loaded, they are what it will find, if that can be told without it: a call with
        nothing to do needs no more.

        Raises:
            OptionError: this machine lacks the device, or the device lacks the precision.
        """
        expected = None if "torch" in sys.modules else self._expected
        device, precision = self._options.compute.found or expected or self._found
        deep = "fp32" if self._options.compute.precision == "auto" else precision
        # Who names no page has the key that outputs had before pages could be named.
        leave_out = CHANGE_NO_BYTES | RESOLVED | ({"page"} if self._options.page is None else set())
        settings = {name: value for name, value in asdict(self._options).items() if name not in leave_out}
        return {**settings, "device": device, "precision": [precision, deep]}

    @cached_property
    def _expected(self) -> tuple[str, str] | None:
        return foreseen(self._options.compute)

    @cached_property
    def _found(self) -> tuple[str, str]:
        from nlsr_cli.upscaling.device import place

        placement = place(self._options.compute)
        return placement.device.type, placement.precision

    def key(self, job: Job, content: str) -> str:
        """Return the SHA-256 that stands for a job whose input has the SHA-256 `content`."""
        networks = [asdict(model.network) for model in self._sources(job)]
        parts = {"input": content, "format": job.format, "weights": self.weights(job), "networks": networks}
        text = json.dumps({**parts, "options": self._all_settings(job)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def line(self, job: Job, content: str) -> dict[str, Any]:
        """Return what a ledger says of a job, but for its output's bytes and its state."""
        return {
            "output": job.sink.path.name,
            "key": self.key(job, content),
            "input_sha256": content,
            "source": str(job.source.path),
            "origin": origin_of(job.sink.path.parent, job.source),
            "models": self.models(job),
            "format": job.format,
            "options": self._all_settings(job),
            "nlsr": __version__,
        }

    def _all_settings(self, job: Job) -> dict[str, Any]:
        """Return the settings with the size that a job comes to, and the networks that get it there."""
        if job.route is None:  # nothing is known of the picture but what is asked
            size = {name: value for name, value in asdict(self._options).items() if name in ("scale", "size")}
        else:
            size = {"height": job.route.size[0], "width": job.route.size[1], "stages": list(job.route.stages)}
        if not job.format:
            return {**self.settings, **size}
        encode = self._options.encode.heeding(writing_of(job.format).heeds)
        return {**self.settings, **size, "encode": asdict(encode)}

    def declaration(self, output: OutputOptions) -> dict[str, Any]:
        """Return what all pictures of a call are made with, whatever they are: options by name, models by scale."""
        sizes = {name: value for name, value in asdict(self._options).items() if name in ("scale", "size")}
        naming = {"format": output.format, "suffix": output.suffix}
        weights = {str(source.scale): self._models.weights_sha256(source) for source in self._any()}
        return {"options": {**self.settings, **sizes, **naming}, "weights": weights}

    def changed(self, job: Job, before: Mapping[str, Any]) -> list[str]:
        """Return how a user writes the options that are others now than in the line of a ledger."""
        return different(self._all_settings(job), before)

    def _sources(self, job: Job) -> tuple[ModelSource, ...]:
        return self._any() if job.route is None else self._models.sources(job.route.stages)

    def _any(self) -> tuple[ModelSource, ...]:
        return self._models.sources(self._models.scales)

    def _describe(self, model: ModelSource) -> dict[str, Any]:
        return {"name": model.name, "revision": model.revision, "sha256": self._models.weights_sha256(model)}


def different(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    """Return how a user writes the options in which two settings differ; one or both may come from a ledger."""
    first, second = (_flat(json.loads(json.dumps(each))) for each in (now, then))
    names = [name for name in sorted(first.keys() | second.keys()) if first.get(name) != second.get(name)]
    return list(dict.fromkeys(_WRITTEN.get(name, f"--{name.split('.')[-1].replace('_', '-')}") for name in names))


def origin_of(folder: Path, source: Source) -> str:
    """Return the way from a folder to the file of a source, "" where it is none."""
    return _seen_from(folder, source.path) if is_file(source) else ""


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return settings by their names, those of a group behind its name and a dot."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat


def _seen_from(folder: Path, source: Path) -> str:
    """Return the way from a folder to a file, which stays right when both are moved together."""
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # another drive
        return os.path.abspath(source)  # noqa: PTH100 - links are not to be resolved
