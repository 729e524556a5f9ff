"""Model cards: the README.md beside the weights, with the front matter that the Hub reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any

from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.zoo.infer import count_parameters, expected_shapes

PAPER = (
    "[Image Super-Resolution with Non-Local Sparse Attention]"
    "(https://openaccess.thecvf.com/content/CVPR2021/papers/"
    "Mei_Image_Super-Resolution_With_Non-Local_Sparse_Attention_CVPR_2021_paper.pdf) (Mei, Fan, Zhou, CVPR 2021)"
)
LICENCE_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()-]{0,79}")
# Identifiers of https://huggingface.co/docs/hub/repositories-licenses; anything else is "other" with a name.
HUB_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0", "unknown")


@dataclass(frozen=True)
class CardFacts:
    """What is known of a model. `scores` maps a test set to (PSNR in dB, SSIM); empty texts leave their section out.

    `store` is float32 or float16, as the weights are stored.
    """

    name: str
    config: NLSNConfig
    licence: str = "unknown"
    licence_text: str = ""
    summary: str = ""
    training: str = ""
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    store: str = "float32"


def write_card(facts: CardFacts) -> str:
    """Return the text of the README.md of a model."""
    parts = [
        _front_matter(facts),
        f"# {facts.name}",
        _lead(facts),
        _usage(),
        _architecture(facts.config, facts.store),
        f"## Training\n\n{facts.training}" if facts.training else "",
        _results(facts),
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in facts.limits) if facts.limits else "",
        f"## Licence\n\n{facts.licence_text}" if facts.licence_text else "",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def licence_of(card: str) -> str | None:
    """Return the licence that a card's front matter states (`license_name` before `license`), or None."""
    lines = card.split("\n")
    if not card.startswith("---\n") or "---" not in lines[1:]:
        return None
    fields = dict(line.split(":", 1) for line in lines[1 : lines.index("---", 1)] if ":" in line)
    licence = fields.get("license_name", fields.get("license", "")).strip().strip("'\"")
    return licence if LICENCE_PATTERN.fullmatch(licence) else None  # a stranger's text goes to the terminal from here


def multiply_adds(config: NLSNConfig) -> int:
    """Return the multiply-adds per low-resolution pixel: convolutions, and attention to three chunks in every round."""
    total, area = 0, 1
    neighbourhood = 3 * config.chunk_size * config.n_hashes
    for name, shape in expected_shapes(config).items():
        if len(shape) != 4 or name.startswith(("sub_mean", "add_mean")) or ".changes." in name:
            continue
        if name == "tail.0.2.weight":
            area = 4  # the second step of a x4 tail runs on the doubled picture
        elif name == "tail.1.weight":
            area = config.scale**2
        total += area * prod(shape)
        if name.endswith(("conv_match.0.weight", "conv_assembly.0.weight")):
            total += neighbourhood * shape[0]  # scores from the matching features, then the mix of the values
    return total


def _front_matter(facts: CardFacts) -> str:
    known = facts.licence in HUB_LICENCES
    lines = ["---", f"license: {facts.licence if known else 'other'}"]
    if not known:
        lines.append(f"license_name: {facts.licence}")
    lines += ["library_name: nlsr", "pipeline_tag: image-to-image"]
    lines += ["tags:", *(f"- {tag}" for tag in ("super-resolution", "nlsn", "image-upscaling"))]
    return "\n".join([*lines, "---"])


def _lead(facts: CardFacts) -> str:
    lead = f"Enlarges pictures {facts.config.scale}x with NLSN, the Non-Local Sparse Network: {PAPER}."
    return f"{lead} {facts.summary}" if facts.summary else lead


def _usage() -> str:
    """Name the model by the folder that the card lies in: it may be moved, and its name is no name that nlsr knows."""
    return """In the folder of this card:

```
nlsr upscale picture.png --model .
```

```python
from nlsr_cli import load_model

model = load_model(".")  # or owner/repo, once it is on the Hub
```"""


def _architecture(config: NLSNConfig, store: str) -> str:
    settings: dict[str, Any] = asdict(config)
    rows = "\n".join(f"| {name} | {json.dumps(value).strip(chr(34))} |" for name, value in settings.items())
    parameters, formed = (count_parameters(expected_shapes(each)) for each in (config, replace(config, condconv=False)))
    use = f", {formed / 1e6:.2f} M of them in use once kernels are formed for a picture" if config.condconv else ""
    return (
        f"## Architecture\n\n| setting | value |\n|---|---|\n{rows}\n\n"
        f"{parameters / 1e6:.2f} M parameters{use}; {multiply_adds(config) / 1e6:.2f} M multiply-adds per low-"
        f"resolution pixel. `model.safetensors` holds {store} tensors under the authors' parameter names."
    )


def _results(facts: CardFacts) -> str:
    if not facts.scores:
        return ""
    rows = "\n".join(f"| {name} | {psnr:.2f} | {ssim:.4f} |" for name, (psnr, ssim) in facts.scores.items())
    return (
        f"## Results\n\n| test set | PSNR (dB) | SSIM |\n|---|---|---|\n{rows}\n\n"
        f"On the Y channel, with a border of {facts.config.scale} pixels cut; low-resolution pictures by bicubic "
        "reduction; outputs rounded to 8 bits; whole pictures, not tiles."
    )
