"""What an output says of how it was made: the facts of one enlargement, put into its metadata as provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.images.formats import writing_of
from nlsr_cli.images.metadata.provenance import stamped
from nlsr_cli.images.metadata.xmp import sized
from nlsr_cli.version import __version__
from nlsr_cli.zoo.source import ModelSource

if TYPE_CHECKING:
    from nlsr_cli.images import Animation, Metadata, Picture
    from nlsr_cli.options import UpscaleOptions
    from nlsr_cli.upscaling.progress import Enlarged
    from nlsr_cli.zoo import ModelSet


class Stamp:
    """Puts the facts of one call, and of each picture in it, into the metadata of outputs.

    Args:
        options: as the caller gave them.
        models: those that pictures go through, by their scale.
    """

    def __init__(self, options: UpscaleOptions, models: ModelSet) -> None:
        self._options = options
        self._models = models

    @classmethod
    def wanted(cls, options: UpscaleOptions, models: ModelSet) -> Stamp | None:
        """Return a stamp, or None where the options ask for none, or for no metadata at all."""
        return cls(options, models) if options.encode.provenance and not options.encode.strip else None

    def _made_by(self, stages: Sequence[int]) -> dict[str, str]:
        """Return the facts of the networks that a picture ran through, in their order."""
        models = [self._models.source(scale) for scale in stages]
        return {
            "nlsr": __version__,
            "model": " + ".join(_name(model) for model in models) or "none: interpolated",
            "weights_sha256": " + ".join(self._models.weights_sha256(model) for model in models),
            "revision": " + ".join(model.revision for model in models if model.revision),
        }

    def facts(
        self, source: Picture | Animation, enlarged: Enlarged, *, content: str, page: int | None = None, device: str
    ) -> dict[str, str]:
        """Return the facts of one picture. `content` is the SHA-256 of its file, `page` its place in one of several;
        sizes are width by height.
        """
        options, made, tile = self._options, enlarged.picture, enlarged.tile_size
        facts = {
            **self._made_by(enlarged.stages),
            "scale": f"{round(made.width / source.width, 4):g}",
            "input_size": f"{source.width}x{source.height}",
            "output_size": f"{made.width}x{made.height}",
            "device": device,
            "precision": enlarged.precision or "",
            "tile": f"{tile[1]}x{tile[0]}" if tile else "",
            "overlap": str(options.tile.overlap) if tile else "",
            "ensemble": "8 passes" if enlarged.ensemble else "",
            "alpha": options.alpha if made.alpha is not None else "",
            **(enlarged.restoration.facts if enlarged.restoration else {}),
            "strength": f"{options.strength:g}" if options.strength != 1 else "",
            "wrap": options.wrap,
            "input_page": "" if page is None else str(page),
            "input_sha256": content,
        }
        return {name: value for name, value in facts.items() if value}

    def put(
        self,
        source: Picture | Animation,
        enlarged: Enlarged,
        format: str,  # noqa: A002
        *,
        content: str,
        page: int | None = None,
        device: str,
    ) -> tuple[Picture | Animation, tuple[str, ...]]:
        """Return what was made with its provenance, where `format` has a place for it, and notes. Of an animation, the
        first frame says it for all.

        What the source carried comes first: if the packet would be too large with the provenance, that is left out.
        """
        film: Animation | None = getattr(enlarged, "animation", None)
        made = enlarged.picture
        if not writing_of(format).carries.xmp:
            return film or made, ()
        given = made.metadata
        with_facts = stamped(given, self.facts(source, enlarged, content=content, page=page, device=device))
        if given.xmp is not None and _too_large(with_facts, format, made) and not _too_large(given, format, made):
            return film or made, (f"The XMP metadata leaves no room for the provenance in {format}.",)
        told = replace(made, metadata=with_facts)
        return told if film is None else replace(film, frames=(told, *film.frames[1:])), ()


def _name(model: ModelSource) -> str:
    """Return what a model is called, without the folders of this machine that lead to it."""
    return (Path(model.name).resolve().name or model.name) if model.kind == "local" else model.name


def _too_large(metadata: Metadata, format: str, made: Picture) -> bool:  # noqa: A002
    packet = metadata.xmp
    return packet is not None and not writing_of(format).carries.holds_packet(sized(packet, made.height, made.width))
