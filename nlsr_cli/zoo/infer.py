"""What shapes say: the tensors that a config asks for, and the config that tensors must come from. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, isqrt, prod

from nlsr_cli.errors import OptionError, WeightsMismatch
from nlsr_cli.nlsn.config import BLOCKS_PER_ATTENTION, NLSNConfig

Shape = tuple[int, ...]

RED_MEAN = 0.4488  # of DIV2K; sub_mean.bias holds -rgb_range times this, so it tells the network's unit
SHOWN = 3  # tensors named in one message


def expected_shapes(config: NLSNConfig) -> dict[str, Shape]:
    """Return name -> shape of every tensor of NLSN(config), in its order, without building it."""
    c, s = config.n_feats, config.scale
    shapes: dict[str, Shape] = {}

    def conv(name: str, outputs: int, inputs: int, side: int = 3, changes: int = 0) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs, side, side)
        shapes[f"{name}.bias"] = (outputs,)
        for index in range(changes):
            shapes[f"{name}.changes.{index}"] = (outputs, inputs, side, side)

    def attention(index: int) -> None:
        conv(f"body.{index}.conv_match.0", c // config.reduction, c)
        conv(f"body.{index}.conv_assembly.0", c, c, side=1)

    conv("sub_mean", 3, 3, side=1)
    conv("head.0", c, 3)
    if config.degradations:
        shapes["degradation.weight"] = (c, config.degradations)
    index = 0
    for done in range(config.n_resblocks + 1):
        if done in config.attention_places:
            attention(index)
            index += 1
        if done < config.n_resblocks:
            conv(f"body.{index}.body.0", c, c, changes=config.changes)
            conv(f"body.{index}.body.2", c, c, changes=config.changes)
            index += 1
    conv(f"body.{index}", c, c, changes=config.changes)
    if config.upsampler == "pixelshuffledirect":
        conv("tail.0", 3 * s**2, c, changes=config.changes)
    else:
        for step, factor in enumerate((2, 2) if s == 4 else (s,)):
            conv(f"tail.0.{2 * step}", c * factor**2, c)
        conv("tail.1", 3, c)
    conv("add_mean", 3, 3, side=1)
    return shapes


def count_parameters(shapes: Mapping[str, Shape]) -> int:
    """Return the number of values in all tensors."""
    return sum(prod(shape) for shape in shapes.values())


def check_shapes(found: Mapping[str, Shape], config: NLSNConfig, where: str) -> None:
    """Compare the tensors that are there with those that the config asks for.

    Raises:
        WeightsMismatch: one is missing, unexpected or of another shape; the message names the first few.
    """
    wanted = expected_shapes(config)
    faults = [
        _listing("missing", [name for name in wanted if name not in found]),
        _listing("unexpected", [name for name in found if name not in wanted]),
        _listing(
            "of another shape",
            [
                f"{name} ({_times(found[name])} where {_times(shape)} is expected)"
                for name, shape in wanted.items()
                if name in found and found[name] != shape
            ],
        ),
    ]
    if any(faults):
        raise WeightsMismatch(
            f"{where}: the tensors are not those of its config: {'; '.join(filter(None, faults))}",
            "Check that config.json belongs to these weights.",
        )


def infer_config(
    shapes: Mapping[str, Shape],
    mean_bias: Sequence[float],
    *,
    where: str,
    chunk_size: int = 144,
    n_hashes: int = 4,
    res_scale: float = 0.1,
    image_skip: str = "none",
    cell: int = 1,
) -> NLSNConfig:
    """Read a config off the shapes of an NLSN's tensors and off `mean_bias`, the values of sub_mean.bias.

    No shape depends on the keyword values: their defaults are the published ones. After spandrel's way of loading
    (https://github.com/chaiNNer-org/spandrel).

    Raises:
        WeightsMismatch: this is not an NLSN; the message says what is missing.
        OptionError: a keyword value is out of range.
    """
    layers, blocks = _body(shapes)
    match = _kernel(shapes, f"body.{next(iter(layers), 0)}.conv_match.0.weight", where)
    upsampler, scale = _tail(shapes, where)
    features = _kernel(shapes, "head.0.weight", where)[0]
    told = shapes.get("degradation.weight", ())
    given = {
        "chunk_size": chunk_size, "n_hashes": n_hashes, "res_scale": res_scale, "image_skip": image_skip, "cell": cell
    }  # fmt: skip
    NLSNConfig.from_dict(given)  # a bad value is the caller's mistake, not the file's
    try:
        config = NLSNConfig.from_dict(
            given
            | {
                "scale": scale,
                "n_feats": features,
                "n_resblocks": blocks,
                "reduction": features // match[0] if match[0] else 0,
                "rgb_range": _rgb_range(mean_bias, where),
                "upsampler": upsampler,
                "degradations": told[1] if len(told) == 2 else 0,
                "condconv": any(".changes." in name for name in shapes),
                "attention_at": _unless_published(tuple(layers.values()), blocks),
            }
        )
    except OptionError as exc:
        raise WeightsMismatch(f"{where}: not an NLSN: {exc.message}") from exc
    check_shapes(shapes, config, where)
    return config


def _listing(label: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    shown = (name[:120] if name.isprintable() else repr(name[:120]) for name in names[:SHOWN])
    return f"{label} {', '.join(shown)}{more}" if names else ""


def _times(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _not_nlsn(where: str, reason: str) -> WeightsMismatch:
    return WeightsMismatch(
        f"{where}: not an NLSN: {reason}", "Only NLSN checkpoints with the authors' tensor names fit."
    )


def _kernel(shapes: Mapping[str, Shape], name: str, where: str) -> Shape:
    shape = shapes.get(name)
    if shape is None and "body.0.body.0.weight" in shapes and "conv_match" in name:
        raise _not_nlsn(where, "it has residual blocks but no attention layers, so it looks like an EDSR")
    if shape is None:
        raise _not_nlsn(where, f"it has no tensor {name}")
    if len(shape) != 4:
        raise _not_nlsn(where, f"{name} is not a convolution kernel ({_times(shape)})")
    return shape


def _body(shapes: Mapping[str, Shape]) -> tuple[dict[int, int], int]:
    """Return the index in the body of each attention layer with the residual blocks before it, and all blocks."""
    layers: dict[int, int] = {}
    blocks = index = 0
    while True:
        if f"body.{index}.conv_match.0.weight" in shapes:
            layers[index] = blocks
        elif f"body.{index}.body.0.weight" in shapes:
            blocks += 1
        else:
            return layers, blocks
        index += 1


def _unless_published(places: tuple[int, ...], blocks: int) -> tuple[int, ...] | None:
    """Return the places of attention layers, or None where they are those of the published network."""
    return None if places == tuple(range(0, blocks + 1, BLOCKS_PER_ATTENTION)) else places


def _tail(shapes: Mapping[str, Shape], where: str) -> tuple[str, int]:
    if "tail.0.weight" in shapes:
        outputs = _kernel(shapes, "tail.0.weight", where)[0]
        return "pixelshuffledirect", isqrt(outputs // 3)
    outputs, inputs = _kernel(shapes, "tail.0.0.weight", where)[:2]
    if "tail.0.2.weight" in shapes:
        return "pixelshuffle", 4
    return "pixelshuffle", isqrt(outputs // inputs) if inputs else 0


def _rgb_range(mean_bias: Sequence[float], where: str) -> float:
    if len(mean_bias) != 3 or not isfinite(mean_bias[0]):
        raise _not_nlsn(where, "sub_mean.bias does not hold three numbers")
    unit = -mean_bias[0] / RED_MEAN
    # Half precision keeps three digits: anything that close to a whole number was one.
    return float(round(unit)) if abs(unit - round(unit)) <= 2e-3 * abs(unit) else unit
