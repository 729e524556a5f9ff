"""The training step, and everything that a run must keep to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nlsr_cli.errors import TrainingDiverged
from nlsr_cli.nlsn import NLSN, NonLocalSparseAttention
from nlsr_cli.nlsn.condconv import adapted_weights
from nlsr_cli.nlsn.hashing import count_buckets
from nlsr_cli.training.ahead import Ahead
from nlsr_cli.training.optimizer import build_optimizers, set_rates
from nlsr_cli.training.patches import PatchPool
from nlsr_cli.training.recipe import Recipe

EAGER_STEPS = 3  # before a CUDA graph is captured, as torch.cuda.graph asks for


def share_body(models: Sequence[NLSN]) -> None:
    """Let networks of several scales be one but for their tails: all get the body of the first."""
    first, *others = models
    for model in others:
        model.head, model.body = first.head, first.body
        if first.config.degradations:
            model.degradation = first.degradation


class Trainer:
    """Trains networks of one body on random patches and keeps the moving average of their weights.

    The networks, of one scale each, take turns: a step is one of them. Every random draw of a step (patches,
    orientations, damage, hash projections) depends on the seed and the number of the step alone. Together with `state`
    this makes a run that goes on equal to an unbroken one.

    Args:
        models: the networks, with one body (`share_body`); they are moved to the device and trained in place.
        pools: where the patches of each come from, on one device.
        recipe: how they are trained.
        dtype: bfloat16 runs the features under autocast, float32 does not. Weights and optimizers stay in float32.
        helpers: processes that make patches ahead of the steps; 0 makes them in the step.
    """

    def __init__(
        self,
        models: Sequence[NLSN],
        pools: Sequence[PatchPool],
        recipe: Recipe,
        dtype: torch.dtype = torch.float32,
        helpers: int = 0,
    ) -> None:
        self.device = pools[0].device
        self.models = nn.ModuleList(models).train().to(self.device)
        self.models.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from the stubs
        self.pools, self.recipe, self.dtype = pools, recipe, dtype
        self._ahead = Ahead([pool.inputs for pool in pools], recipe.batch, helpers) if helpers else None
        self.steps = 0  # done so far
        self.ungraphed: str | None = None  # why no graph could be captured; then every step launches its kernels
        self._eager = 0  # of them, by this object and without a graph, for every network
        self._layers = [layer for layer in models[0].modules() if isinstance(layer, NonLocalSparseAttention)]
        if recipe.attention_from > 0:  # those that join later begin as a change of nothing
            for layer in self._layers:
                nn.init.zeros_(layer.conv_assembly[0].weight)  # type: ignore[arg-type]
                nn.init.zeros_(layer.conv_assembly[0].bias)  # type: ignore[arg-type]
        self._weights = [weight for weight in self.models.parameters() if weight.requires_grad]
        self._average = [weight.detach().clone() for weight in self._weights]
        self._optimizers = build_optimizers(self.models, recipe)
        self._loss_sum = torch.zeros((), device=self.device)  # since it was last asked for
        self._counted = 0
        self._blend = torch.zeros((), device=self.device)  # share of the newest weights in the average
        self._graphs: dict[int, tuple[torch.cuda.CUDAGraph, list[Tensor]]] = {}  # of each network, with its inputs

    def step(self, progress: float) -> None:
        """Learn from one batch; `progress` is the share of the budget that was used up before it."""
        set_rates(self._optimizers, self.recipe, progress)
        self._activate(progress >= self.recipe.attention_from)
        self._blend.fill_(1 - min(self.recipe.average, (1 + self.steps) / (10 + self.steps)))
        turn = self.steps % len(self.models)
        made = None if self._ahead is None else self._ahead.take(self.steps)
        inputs = [*self.pools[turn].draw(self.recipe.batch, self.steps, made), *self._draw_rotations()]
        if self.device.type != "cuda":
            self._learn(turn, inputs)
        elif self.ungraphed or self._eager < EAGER_STEPS * len(self.models):
            with _side_stream():
                self._learn(turn, inputs)
            self._eager += 1
        else:
            self._replay(turn, inputs)
        self.steps += 1
        self._counted += 1

    def close(self) -> None:
        """End the processes that make patches."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def mean_loss(self) -> float:
        """Return the mean loss of the steps since this was last asked for.

        Raises:
            TrainingDiverged: it is not finite, so that the weights are not either.
        """
        loss = float(self._loss_sum) / max(1, self._counted)
        self._loss_sum.zero_()
        self._counted = 0
        if not isfinite(loss):
            raise TrainingDiverged(self.steps)
        return loss

    @contextmanager
    def averaged(self) -> Iterator[list[NLSN]]:
        """Lend the networks with their averaged weights, in evaluation mode."""
        self._swap()
        self.models.eval()
        try:
            yield cast("list[NLSN]", list(self.models))
        finally:
            self.models.train()
            self._swap()

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs: weights, averages, moments, steps, and losses that are not asked for yet."""
        return {
            "weights": [weight.detach() for weight in self._weights],
            "average": self._average,
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "steps": self.steps,
            "losses": (self._loss_sum, self._counted),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state of networks and a recipe of the same kind, made on whatever device."""
        with torch.no_grad():
            for mine, saved in zip(self._weights + self._average, state["weights"] + state["average"], strict=True):
                mine.copy_(saved)
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            # Not its settings: where rates are kept and how kernels run is the business of the device at hand.
            optimizer.load_state_dict({**optimizer.state_dict(), "state": saved["state"]})
        self.steps = state["steps"]
        losses, self._counted = state["losses"]
        self._loss_sum.copy_(losses)

    def _activate(self, active: bool) -> None:
        """Let the attention layers take part or not.

        Without them a step takes half the time on a CPU, and what they learn rests on what the convolutions learn.
        """
        if all(layer.active == active for layer in self._layers):
            return
        for layer in self._layers:
            layer.active = active
        self._graphs, self._eager = {}, 0  # another sequence of kernels

    def _draw_rotations(self) -> list[Tensor]:
        """Return new hash projections for every attention layer, (d, r, k / 2) each.

        The authors draw them anew on every call, which teaches the network to trust no single one.
        """
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + self.steps + 2**40)
        drawn = []
        for layer in self._layers:
            d, r, _ = layer.rotations.shape
            side = -(-max(self.recipe.patch, cast("NLSN", self.models[0]).config.min_side) // layer.cell)
            half = count_buckets(side**2, layer.chunk_size) // 2
            drawn.append(torch.randn(d, r, half, generator=generator).to(self.device, non_blocking=True))
        return drawn

    def _learn(self, turn: int, inputs: list[Tensor]) -> None:
        """Run one step of the network whose turn it is on `inputs`: lr, hr, what is told of damage, and projections."""
        lr, hr, told, *rotations = inputs
        model = cast("NLSN", self.models[turn])
        with torch.autocast(lr.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            error: Tensor = self._enlarged(model, lr, told, rotations) - hr  # (b, 3, s p, s p)
        loss = error.abs().mean() if self.recipe.loss == "l1" else error.square().mean()
        if self.recipe.fourier:
            loss = loss + self.recipe.fourier * _spectrum(error).abs().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip:
            torch.nn.utils.clip_grad_norm_(self._weights, self.recipe.clip)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            self._loss_sum.add_(loss.detach())
            moved = torch._foreach_sub(list[Tensor](self._weights), self._average)
            torch._foreach_mul_(moved, self._blend)
            torch._foreach_add_(self._average, moved)

    def _enlarged(self, model: NLSN, lr: Tensor, told: Tensor, rotations: list[Tensor]) -> Tensor:
        """Return what a network makes of (b, 3, p, p); where kernels depend on damage, the last are damaged."""
        if not model.config.condconv:
            return cast("Tensor", model(lr, rotations, told if model.config.degradations else None))
        clean = self.recipe.clean(len(lr))
        parts = [model(lr[:clean], rotations)] if clean else []
        if clean < len(lr):
            parts.append(functional_call(model, adapted_weights(model, told[-1]), (lr[clean:], rotations)))
        return torch.cat(parts)

    def _replay(self, turn: int, inputs: list[Tensor]) -> None:
        """Run one step as a CUDA graph: launching kernels this small one by one takes longer than running them."""
        if turn not in self._graphs:
            held = [each.clone() for each in inputs]
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph):
                    self._learn(turn, held)
            except RuntimeError as error:  # nothing has run: a capture only writes down
                self.ungraphed = str(error).partition("\n")[0]
                self._graphs = {}
                self.models.zero_grad(set_to_none=True)
                self._learn(turn, inputs)
                return
            self._graphs[turn] = graph, held
        graph, held = self._graphs[turn]
        for mine, given in zip(held, inputs, strict=True):
            mine.copy_(given)
        graph.replay()

    def _swap(self) -> None:
        with torch.no_grad():
            for weight, average in zip(self._weights, self._average, strict=True):
                kept = weight.clone()
                weight.copy_(average)
                average.copy_(kept)


def _spectrum(error: Tensor) -> Tensor:
    """Return real and imaginary parts of the spectrum of (b, 3, h, w), of the same mean square (b, 3, h, w / 2 + 1, 2).

    Its mean absolute value beside that of the pixels keeps fine texture from being averaged away (as in Cho et al.,
    "Rethinking Coarse-to-Fine Approach in Single Image Deblurring", ICCV 2021).
    """
    return torch.view_as_real(torch.fft.rfft2(error.float().contiguous(), norm="ortho"))


@contextmanager
def _side_stream() -> Iterator[None]:
    """Run what is inside on a stream of its own, as the steps before a capture must."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)
