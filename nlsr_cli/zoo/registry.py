"""The models that come with nlsr: what they are, what they scored, and the SHA-256 of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FAMILY = "lite"
GPU_FAMILY = "base"  # the default where a GPU does the work, at the scales that it has
DEFAULT_SCALE = 4


@dataclass(frozen=True)
class EmbeddedModel:
    """One folder under `weights/`. `psnr` (dB) and `ssim` are of Set5: Y channel, border of `scale` cut."""

    name: str
    family: str
    scale: int
    parameters: int
    psnr: float
    ssim: float
    licence: str
    files: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Return where its files lie in this installation."""
        return weights_root() / self.name


EMBEDDED: dict[str, EmbeddedModel] = {
    model.name: model
    for model in (
        EmbeddedModel(
            name="nlsn-lite-x2",
            family="lite",
            scale=2,
            parameters=374_988,
            psnr=37.5,
            ssim=0.9587,
            licence="apache-2.0",
            files={
                "README.md": "68b025aa41e95d64cd4b91ea4ca20a06962e4ec74c52930caca194d816573f58",
                "config.json": "9969f6cb49e23601cd4b5762aa85d76a29417c4d9acb1f9da22b1cfc2663711e",
                "model.safetensors": "f7fbfe0ca6116f76493aaa5dcd74d45553e80ba3bc51cb5fe2b52593a25c3bf8",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x3",
            family="lite",
            scale=3,
            parameters=381_483,
            psnr=33.78,
            ssim=0.9219,
            licence="apache-2.0",
            files={
                "README.md": "fa23f7a5ea2b7733c0fca7953984ab2675fe356323b86a8c2fafeb11f20b9cb5",
                "config.json": "72e6e96635b2b8ced406f7ae802aa890a6de78c916aae39bc1c1c05eb8ac2298",
                "model.safetensors": "cf7df57caf898a11bf168a02447376698efe57b865a39a501a8fb823b7db258c",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=390_576,
            psnr=31.59,
            ssim=0.8865,
            licence="apache-2.0",
            files={
                "README.md": "f6b0eb26476bc77715a70eef09c0caa1871ce10a32906ffcc3fc85ecbce90d5c",
                "config.json": "e34f0b4da887df779b05ca5d875aa2a845a840e762779a7287425efc67b037c8",
                "model.safetensors": "8bc9b767d1047d99ecaeb423797c92aa543dda68316d15b8899e14692c3378ba",
            },
        ),
    )
}


def families() -> tuple[str, ...]:
    """Return the families that have embedded models, the default one first."""
    return tuple(sorted({model.family for model in EMBEDDED.values()}, key=lambda name: (name != DEFAULT_FAMILY, name)))


def scales_of(family: str) -> tuple[int, ...]:
    """Return the scales that a family has, in order."""
    return tuple(sorted(model.scale for model in EMBEDDED.values() if model.family == family))


def find_embedded(family: str, scale: int) -> EmbeddedModel | None:
    """Return the member of `family` that enlarges `scale` times, or None."""
    return next((model for model in EMBEDDED.values() if (model.family, model.scale) == (family, scale)), None)


def weights_root() -> Path:
    """Return the folder of the embedded models: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"
