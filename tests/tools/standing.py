"""The tables of models in README.md and docs/: the embedded ones, and where they stand. See `tests.tools.reference`."""

from __future__ import annotations

from collections.abc import Sequence

from nlsr_cli.zoo.registry import EMBEDDED, EmbeddedModel

BICUBIC = {2: (33.66, 0.9299), 3: (30.39, 0.8682), 4: (28.42, 0.8104)}  # on Set5, as papers print it
OURS = "nlsn-lite-x4"
# The time of its network in float32 beside that of the former lite, 256x256 on two threads: weights/LOG.md, "a deeper,
# narrower body". Measure it again when the network changes, not when its weights do.
OUR_TIME = "0.59"
# Name, parameters, PSNR of Y on Set5 at 4x, time on a CPU beside the former lite, and whether README names it. Run
# beside nlsr at commit ae6e27b, 2026-11-24; "" is not known, or not run.
RIVALS = (
    ("published NLSN", "44 M", 32.59, "", True),
    ("HiT-SRF", "866 K", 32.56, "35 to 47", True),
    ("SMFANet+", "496 K", 32.51, "2.7", True),
    ("HAESR", "353 K", 32.46, "3.7", False),
    ("SMFANet", "197 K", 32.26, "1.4", True),
    ("SPAN, 48 channels", "426 K", 32.20, "0.5 to 0.7", True),
    ("EFDN", "276 K", 32.08, "0.45", True),
    ("AMCANet", "86 K", 32.06, "0.8", False),
    ("ZenoSR", "38 K", 31.99, "1.1", False),
    ("DISP", "164 K", 31.94, "0.21 to 0.32", False),
    ("SPANF", "", 31.77, "0.25 to 0.30", False),
    ("former nlsr lite", "391 K", 31.59, "1", True),
)


def models() -> str:
    """Return the embedded models with their scores, as Markdown."""
    rows = [("model", "scale", "parameters", "PSNR (Set5, Y)", "SSIM", "bicubic", "licence"), ("---",) * 7]
    rows += [_model(model) for model in EMBEDDED.values()]
    return _table(rows)


def short() -> str:
    """Return where the embedded model for 4x stands among those that README names, as Markdown."""
    return _standing([rival for rival in RIVALS if rival[-1]])


def full() -> str:
    """Return where it stands among all that were run beside it, as Markdown."""
    return _standing(RIVALS)


def _standing(rivals: Sequence[tuple[str, str, float, str, bool]]) -> str:
    ours = EMBEDDED[OURS]
    rows = [(name, parameters, psnr, time) for name, parameters, psnr, time, _ in rivals]
    rows += [("**nlsr lite, embedded today**", f"{ours.parameters / 1e3:.0f} K", ours.psnr, OUR_TIME)]
    rows += [("bicubic interpolation", "", BICUBIC[4][0], "")]
    rows.sort(key=lambda row: -row[2])
    head = [("network", "parameters", "Set5, 4x, PSNR of Y", "time on a CPU"), ("---",) * 4]
    return _table([*head, *((name, parameters, f"{psnr:.2f}", time) for name, parameters, psnr, time in rows)])


def _model(model: EmbeddedModel) -> tuple[str, ...]:
    psnr, ssim = BICUBIC[model.scale]
    size = f"{model.parameters / 1e6:.2f} M"
    scores = f"{model.psnr:.2f}", f"{model.ssim:.4f}", f"{psnr:.2f} / {ssim:.4f}"
    return (f"`{model.name}`", f"{model.scale}x", size, *scores, model.licence)


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
