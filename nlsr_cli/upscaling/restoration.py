"""What a network is told of the damage in a picture: what was estimated, or what the user asks for.

Networks with `degradations` restore what they are told is damaged, and nothing else. What cannot be told for sure is
left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nlsr_cli.errors import OptionError
from nlsr_cli.images import Estimate, Picture, estimate
from nlsr_cli.nlsn import NLSNConfig
from nlsr_cli.nlsn.conditioning import KNOWN, compression_of, noise_of

TABLES, PIXELS, ASKED = "quantisation tables", "pixels", "asked"
# Modes whose pixels tell nothing: dithering is no noise, and palettes hide what a picture went through.
_SILENT = frozenset({"1", "P", "PA"})
_WORTH_A_NOTE = 0.1  # of compression, which is quality 92: better JPEGs come out the same by eye
_LEARNED = 25  # the worst quality that networks have met in training


@dataclass(frozen=True)
class Restoration:
    """What a network is told, `deblock` and `denoise` from 0 to 1, and why.

    `quality` is that of the JPEG that the picture went through, None where there is no sign of one, and `noise` its
    standard deviation in levels of 8 bits; `signs` says what they were estimated from: "quantisation tables" or
    "pixels"; "asked" is what the user said.
    """

    deblock: float = 0.0
    denoise: float = 0.0
    quality: float | None = None
    noise: float = 0.0
    deblock_sign: str = ""
    denoise_sign: str = ""

    @property
    def told(self) -> tuple[float, ...]:
        """Return what the network is told: compression and noise; nothing where both are zero."""
        return (self.deblock, self.denoise) if self.deblock or self.denoise else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know of what was estimated."""
        notes = []
        if self.deblock_sign != ASKED and self.quality is not None and self.deblock >= _WORTH_A_NOTE:
            found = f"Traces of JPEG compression (quality {self.quality:g}) are reduced"
            notes.append(f"{found} (found in the {self.deblock_sign}; --deblock 0 keeps them).")
            if self.quality < _LEARNED and self.denoise_sign != ASKED:
                notes.append(
                    "That is worse than what the models have learned: --denoise 0.5 removes more, with detail."
                )
        if self.denoise_sign != ASKED and self.denoise:
            notes.append(f"Noise of {self.noise:.1f} levels is removed (found in the pixels; --denoise 0 keeps it).")
        return tuple(notes)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "deblock": round(self.deblock, 4),
            "deblock_sign": self.deblock_sign or None,
            "jpeg_quality": self.quality,
            "denoise": round(self.denoise, 4),
            "denoise_sign": self.denoise_sign or None,
            "noise_levels": round(self.noise, 2),
        }

    @property
    def facts(self) -> dict[str, str]:
        """Return what provenance says of it."""
        facts = {}
        if self.deblock:
            source = "" if self.quality is None else f"JPEG quality {self.quality:g}, "
            facts["deblock"] = f"{self.deblock:.3g} ({source}{self.deblock_sign})"
        if self.denoise:
            source = f"{self.noise:.3g} levels, " if self.noise else ""
            facts["denoise"] = f"{self.denoise:.3g} ({source}{self.denoise_sign})"
        return facts


@dataclass(frozen=True)
class Restorer:
    """What is asked for every picture: `deblock` and `denoise` from 0 to 1, None is what its damage asks for."""

    deblock: float | None = None
    denoise: float | None = None

    @property
    def asks(self) -> bool:
        """Tell whether anything is to be removed, whatever a picture needs."""
        return bool(self.deblock or self.denoise)

    def check(self, config: NLSNConfig, name: str) -> None:
        """Refuse to ask for what a network has not learned.

        Raises:
            OptionError: it cannot be told of damage.
        """
        asked = {"--deblock": self.deblock, "--denoise": self.denoise}
        given = [option for option, value in asked.items() if value]
        if given and config.degradations < KNOWN:
            raise OptionError(
                f"{name} was not trained on damaged pictures: {' and '.join(given)} would change nothing",
                "Omit --oracle, or evaluate lite.",
            )

    def restoration(self, picture: Picture, config: NLSNConfig) -> Restoration | None:
        """Return what a network is told of a picture; None if it can be told nothing."""
        if config.degradations < KNOWN:
            return None
        found = Restoration()
        if self.deblock is None or self.denoise is None:
            found = _estimated(picture)
        if self.deblock is not None:
            found = replace(found, deblock=self.deblock, quality=None, deblock_sign=ASKED)
        if self.denoise is not None:
            found = replace(found, denoise=self.denoise, noise=0.0, denoise_sign=ASKED)
        return found


def _estimated(picture: Picture) -> Restoration:
    """Return what pixels and tables tell: the stronger compression of the two, as pictures are saved more than once."""
    quality = picture.metadata.jpeg_quality
    silent = picture.metadata.mode in _SILENT or picture.metadata.masked
    seen = Estimate(None, 0.0) if silent else estimate(picture.color)
    sign = PIXELS if seen.quality is not None else ""
    worst = seen.quality
    if quality is not None and (worst is None or quality <= worst + 1):  # pixels are read to one step of quality
        worst, sign = quality, TABLES
    return Restoration(
        deblock=0.0 if worst is None else compression_of(worst),
        denoise=noise_of(seen.noise),
        quality=worst,
        noise=seen.noise,
        deblock_sign=sign,
        denoise_sign=PIXELS if seen.noise else "",
    )
