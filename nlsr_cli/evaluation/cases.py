"""What a bench measures: a layer, a network, a picture, pictures of all sizes, a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from nlsr_cli.batch.planning import plan_batch
from nlsr_cli.engines.local import LocalEngine
from nlsr_cli.evaluation.measure import Call, Measured, measure
from nlsr_cli.images import Metadata, Picture, Pixels, resize_bicubic, write_picture
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.nlsn import NLSN, NLSNConfig, NonLocalSparseAttention
from nlsr_cli.nlsn.presets import preset
from nlsr_cli.nlsn.textbook import TextbookNetwork, dense_attention, textbook_attention
from nlsr_cli.options import ComputeOptions, OutputOptions
from nlsr_cli.upscaling.device import Placement
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.zoo import resolve
from nlsr_cli.zoo.card import multiply_adds
from nlsr_cli.zoo.checkpoint import load_model
from nlsr_cli.zoo.registry import find_embedded

_CHANNELS = 256  # features of the published network
_SCALE = 4
_SMALL = (200, 300)  # height and width of the pictures of a folder
_DENSE_LIMIT = 128  # pixels on a side, past which attention to all positions takes minutes


@dataclass(frozen=True)
class Comparison:
    """What was measured, side by side in one process.

    `pixels` went in. `reference` is the textbook's computation in float32, or what `against` names. `dense` is
    attention to all positions. `operations` is the arithmetic of the published formula, two for a multiply-add.
    `difference` is the largest one between the outputs of ours and the textbook's, which are about one.
    """

    name: str
    precision: str
    pixels: int
    ours: Measured
    reference: Measured | None = None
    against: str = "textbook"
    dense: Measured | None = None
    operations: float | None = None
    difference: float | None = None

    @property
    def speedup(self) -> float | None:
        """Return how many times faster than the reference ours is."""
        return None if self.reference is None else self.reference.timing.median / self.ours.timing.median

    @property
    def saving(self) -> float | None:
        """Return how many times less memory than the reference ours takes."""
        if self.reference is None or self.reference.memory is None or not self.ours.memory:
            return None
        return self.reference.memory / self.ours.memory

    @property
    def rate(self) -> float | None:
        """Return the operations done per second, by the published count."""
        return None if self.operations is None else self.operations / self.ours.timing.median

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "precision": self.precision,
            "pixels": self.pixels,
            "ours": self.ours.as_json(),
            "reference": self.reference and {"name": self.against, **self.reference.as_json()},
            "dense": self.dense and self.dense.as_json(),
            "speedup": self.speedup,
            "memory_saving": self.saving,
            "operations_per_second": self.rate,
            "largest_difference": self.difference,
        }


@dataclass(frozen=True)
class Stand:
    """Where cases are measured: a device and the precision that users get there. `quick` takes small pictures."""

    placement: Placement
    quick: bool = False

    @property
    def placements(self) -> list[Placement]:
        """Return the device in the precision that users get, and in float32."""
        exact = self.placement.in_float32()
        return [exact] if exact == self.placement else [self.placement, exact]

    @property
    def cuda(self) -> bool:
        """Tell whether the device is fast enough for the published network on whole pictures."""
        return self.placement.device.type == "cuda"

    def models(self, *families: str) -> Iterator[tuple[str, NLSN]]:
        """Yield networks of compact families with their names, and on a GPU the published one."""
        for family in families:
            yield _model(family)
        if self.cuda:
            torch.manual_seed(0)
            yield f"published network, {_SCALE}x (untrained)", NLSN(NLSNConfig()).eval()

    def measure(self, *calls: Call) -> list[Measured]:
        """Return time and memory of several computations, side by side."""
        return measure(calls, self.placement.device, seconds=1.0 if self.quick else 8.0)


def attention(stand: Stand) -> Iterator[Comparison]:
    """Compare a layer of the published network with the textbook, and with attention to all positions, in float32."""
    torch.manual_seed(0)
    exact = stand.placement.in_float32()
    layer = NonLocalSparseAttention(_CHANNELS).eval().to(exact.device)
    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from the stubs
    for side in (64,) if stand.quick else (48, 64, 96, 128, 192, 256):
        x = torch.randn(1, _CHANNELS, side, side).to(exact.device, memory_format=torch.channels_last)
        calls = [_within(exact, form, layer, x) for form in (_plain, textbook_attention, dense_attention)]
        ours, textbook, *dense = stand.measure(*calls[: 3 if side <= _DENSE_LIMIT else 2])
        yield Comparison(
            f"NLSA, {_CHANNELS} features, {side}×{side}",
            exact.precision,
            side**2,
            ours,
            textbook,
            dense=dense[0] if dense else None,
            operations=2.0 * _attention_operations(layer) * side**2,
            difference=_difference(calls),
        )


def network(stand: Stand) -> Iterator[Comparison]:
    """Compare the published network on one tile with the textbook."""
    torch.manual_seed(0)
    side = 48 if stand.quick else 96
    model = NLSN(NLSNConfig()).eval().to(stand.placement.device)
    x = torch.rand(1, 3, side, side).to(stand.placement.device)
    plain = TextbookNetwork(model)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for placement in stand.placements if stand.cuda else [stand.placement.in_float32()]:
        calls = [_within(placement, model, x), _within(placement.in_float32(), plain, x)]
        ours, textbook = stand.measure(*calls)
        yield Comparison(
            f"published network, {_SCALE}x, {side}×{side}",
            placement.precision,
            side**2,
            ours,
            textbook,
            operations=2.0 * multiply_adds(model.config) * side**2,
            difference=_difference(calls),
        )


def picture(stand: Stand) -> Iterator[Comparison]:
    """Compare networks on a picture in tiles, in the precision that users get and in float32."""
    side = 128 if stand.quick and not stand.cuda else 512
    pixels = _photograph(side, side)
    for name, model in stand.models("lite", "base"):
        plain = _enlarger(cast("NLSN", TextbookNetwork(model)), stand.placement.in_float32())
        for placement in stand.placements:
            enlarger = _enlarger(model, placement)
            ours, textbook = stand.measure(partial(enlarger.enlarge, pixels), partial(plain.enlarge, pixels))
            difference = _levels_apart(enlarger.enlarge(pixels), plain.enlarge(pixels))
            yield Comparison(
                f"{name}, {side}×{side}",
                placement.precision,
                side**2,
                ours,
                textbook,
                operations=2.0 * multiply_adds(model.config) * side**2,
                difference=difference,
            )


def sizes(stand: Stand) -> Iterator[Comparison]:
    """Measure whether time per pixel and memory stay what they are as pictures grow."""
    name, model = _model("lite")
    enlarger = _enlarger(model, stand.placement)
    for side in (128, 256) if stand.quick else (256, 1024, 4096):
        pixels = _photograph(side, side)
        (ours,) = stand.measure(partial(enlarger.enlarge, pixels))
        operations = 2.0 * multiply_adds(model.config) * side**2
        yield Comparison(f"{name}, {side}×{side}", stand.placement.precision, side**2, ours, operations=operations)


def threads(stand: Stand) -> Iterator[Comparison]:
    """Compare a picture on one thread with more, up to as many as a run takes: what they gain, and what they change."""
    if stand.placement.device.type != "cpu":
        return
    side = 96 if stand.quick else 512
    name, model = _model("lite")
    enlarger, pixels = _enlarger(model, stand.placement), _photograph(side, side)
    most = torch.get_num_threads()

    def enlarge(count: int) -> Pixels:
        torch.set_num_threads(count)
        try:
            return enlarger.enlarge(pixels)
        finally:
            torch.set_num_threads(most)

    for count in sorted({min(2**power, most) for power in range(1, 8)} - {1}):
        ours, alone = stand.measure(partial(enlarge, count), partial(enlarge, 1))
        yield Comparison(
            f"{name}, {side}×{side}, {count} threads",
            stand.placement.precision,
            side**2,
            ours,
            alone,
            against="one thread",
            difference=_levels_apart(enlarge(count), enlarge(1)),
        )


def folder(stand: Stand) -> Iterator[Comparison]:
    """Compare a folder of small pictures, from file to file, with the network's time alone."""
    count = 5 if stand.quick and not stand.cuda else 50
    pictures = [_photograph(*_SMALL, seed=seed) for seed in range(count)]
    with tempfile.TemporaryDirectory(prefix="nlsr-bench-") as place:
        for index, pixels in enumerate(pictures):
            write_picture(Picture(pixels, None, Metadata("PNG", "RGB")), Path(place, f"{index:03}.png"), format="PNG")
        for name, model in stand.models("lite"):
            enlarger = _enlarger(model, stand.placement)
            ours, alone = stand.measure(
                partial(_enlarge_folder, enlarger, place), partial(_enlarge_all, enlarger, pictures)
            )
            height, width = _SMALL
            yield Comparison(
                f"{name}, {count} PNG files of {width}×{height}",
                stand.placement.precision,
                count * height * width,
                ours,
                alone,
                against="network alone",
            )


def _enlarge_all(enlarger: Enlarger, pictures: Sequence[Pixels]) -> None:
    for pixels in pictures:
        enlarger.enlarge(pixels)


def _enlarge_folder(enlarger: Enlarger, place: str) -> None:
    output = OutputOptions(target=f"{place}/out/", existing="overwrite")
    with Decoder() as decoder:
        plan = plan_batch([place], output, aim=enlarger.aim, decoder=decoder)
        for outcome in LocalEngine(plan, lambda: enlarger, decoder).run():
            if outcome.error is not None:
                raise outcome.error


def _plain(layer: NonLocalSparseAttention, x: Tensor) -> Tensor:
    return torch.as_tensor(layer(x))


def _within(placement: Placement, form: Callable[..., Tensor], *inputs: object) -> Callable[[], Tensor]:
    """Return what computes `form(*inputs)` on a device in a precision."""

    def compute() -> Tensor:
        with placement.context():
            return form(*inputs)

    return compute


def _difference(calls: Sequence[Callable[[], Tensor]]) -> float:
    """Return the largest difference of what the first two compute."""
    return float((calls[0]().float() - calls[1]().float()).abs().max())


def _levels_apart(one: Pixels, other: Pixels) -> float:
    """Return the largest difference of two pictures, of which white is one."""
    return float(np.abs(np.subtract(one, other, dtype=np.int16)).max()) / 255


def _attention_operations(layer: NonLocalSparseAttention) -> int:
    """Return the multiply-adds per position: two convolutions, and scores and mix of three chunks in every round."""
    neighbours = 3 * layer.chunk_size * layer.n_hashes
    d = layer.rotations.shape[0]
    return 9 * _CHANNELS * d + _CHANNELS**2 + neighbours * (d + _CHANNELS)


def _model(family: str) -> tuple[str, NLSN]:
    """Return the embedded model of a family and its name; without one, a network that was never trained."""
    embedded = find_embedded(family, _SCALE)
    if embedded is None:
        torch.manual_seed(0)
        return f"{family} x{_SCALE} (untrained)", NLSN(preset(family, _SCALE)).eval()
    return embedded.name, load_model(resolve(embedded.name, None, offline=True))


def _enlarger(model: NLSN, placement: Placement) -> Enlarger:
    """Return what enlarges pictures, whatever comes out: some of these networks were never trained."""
    return Enlarger(model, compute=ComputeOptions(str(placement.device), placement.precision), floor=0)


def _photograph(height: int, width: int, seed: int = 0) -> Pixels:
    """Return (h, w, 3) uint8 with detail of every size, as photographs have: no file needs to be at hand."""
    generator = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 127.0, np.float32)
    for size in (4, 16, 64, 256):
        if size <= 2 * min(height, width):
            noise = generator.standard_normal((size, size, 3)).astype(np.float32)
            picture += 40 * resize_bicubic(noise, height, width)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
