"""NLSN, the Non-Local Sparse Network: low-resolution tensors in, super-resolved tensors out.

The published network is EDSR (Lim et al., CVPRW 2017) with Non-Local Sparse Attention first and after every eighth
residual block. Parameter names are the authors', so that a published checkpoint loads without renaming.
"""

# No postponed annotations here: the Hub's mixin reads the type of `config` to rebuild it from config.json.
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn

from nlsr_cli.nlsn.attention import NonLocalSparseAttention, reflect_to
from nlsr_cli.nlsn.condconv import adapted_weights, conv3x3
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.nlsn.inputs import check_input
from nlsr_cli.nlsn.mixin import HubMethods
from nlsr_cli.nlsn.rows import RowConv, bands
from nlsr_cli.nlsn.tail import Cells, PictureRows, colour_mix, make_tail, spread

OnAttention: TypeAlias = Callable[[NonLocalSparseAttention, Tensor], None]

RGB_MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K's training set, as EDSR and its successors use it


class MeanShift(nn.Conv2d):
    """Add `sign` times the mean colour, as the 1x1 convolution that the published checkpoints hold."""

    def __init__(self, rgb_range: float, sign: int) -> None:
        super().__init__(3, 3, 1)
        with torch.no_grad():
            self.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
            self.bias.copy_(sign * rgb_range * torch.tensor(RGB_MEAN))  # type: ignore[union-attr]
        self.requires_grad_(False)


class ResidualBlock(nn.Module):
    """x + res_scale * conv(relu(conv(x))), without normalisation, as in EDSR."""

    def __init__(self, n_feats: int, res_scale: float, changes: int = 0) -> None:
        super().__init__()
        first, second = (conv3x3(n_feats, n_feats, changes) for _ in range(2))
        self.body = nn.Sequential(first, nn.ReLU(inplace=True), second)
        self.res_scale = res_scale

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c, h, w)."""
        return torch.add(x, self.body(x), alpha=self.res_scale)

    def apply_(self, x: Tensor) -> Tensor:
        """Do the same in place, without a gradient: in bands of rows, of which the maps between are held alone."""
        first, second = RowConv(self.body[0]), RowConv(self.body[2])
        done = 0
        for top, bottom, last in bands(x):
            rows = second(first(x[:, :, top:bottom], last=last).relu_(), last=last)
            x[:, :, done : done + rows.shape[2]].add_(rows, alpha=self.res_scale)  # two rows behind what is still read
            done += rows.shape[2]
        return x


def _body(config: NLSNConfig) -> nn.Sequential:
    def attention(seed: int) -> NonLocalSparseAttention:
        return NonLocalSparseAttention(
            config.n_feats,
            reduction=config.reduction,
            chunk_size=config.chunk_size,
            n_hashes=config.n_hashes,
            cell=config.cell,
            res_scale=config.res_scale,
            seed=seed,
        )

    layers: list[nn.Module] = []
    seeds = {place: seed for seed, place in enumerate(config.attention_places)}
    for done in range(config.n_resblocks + 1):
        if done in seeds:
            layers.append(attention(seeds[done]))
        if done < config.n_resblocks:
            layers.append(ResidualBlock(config.n_feats, config.res_scale, config.changes))
    return nn.Sequential(*layers, conv3x3(config.n_feats, config.n_feats, config.changes))


class NLSN(HubMethods):
    """The Non-Local Sparse Network: (b, 3, h, w) RGB in [0, 1] -> (b, 3, scale * h, scale * w), any h and w from 1 up.

    The output is not clamped. `config` round-trips through config.json by `save_pretrained` and `from_pretrained`.
    """

    def __init__(self, config: NLSNConfig) -> None:
        super().__init__()
        self.config = config
        self.sub_mean = MeanShift(config.rgb_range, -1)
        self.head = nn.Sequential(nn.Conv2d(3, config.n_feats, 3, padding=1))
        if config.degradations:  # starts as a change of nothing
            self.degradation = nn.Linear(config.degradations, config.n_feats, bias=False)
            nn.init.zeros_(self.degradation.weight)
        self.body = _body(config)
        self.tail = make_tail(config)
        self.add_mean = MeanShift(config.rgb_range, 1)
        self._adapted: tuple[tuple[Any, ...], NLSN] | None = None  # for what was told last

    def forward(
        self,
        lr: Tensor,
        rotations: Sequence[Tensor] | None = None,
        degradation: Tensor | None = None,
        on_attention: OnAttention | None = None,
    ) -> Tensor:
        """Enlarge `lr`. `rotations`, one tensor (d, r, k / 2) per attention layer in order, override the seeded ones.

        `on_attention` is called before each attention layer with the layer and what it is given, (b, c, h, w), which
        may change afterwards.

        `degradation`, (b, config.degradations) from 0 to 1, tells how damaged each picture is; None is not at all. They
        are added to the features, and so are what two more constant input planes would be, away from the border
        (as in SRMD; Zhang, Zuo, Zhang, CVPR 2018).

        The picture itself (mean shift, bilinear skip, last addition) stays in the dtype of `lr` under autocast: only
        features are halved, so a half-precision run cannot lose levels of the input. A side under `config.min_side` is
        mirrored up to it, because next to two borders the zero padding of the convolutions tints what it sees.

        Raises:
            OptionError: `lr` is of another shape, type or device than the network takes, or is empty.
        """
        check_input(lr, self.head[0].weight)  # type: ignore[arg-type]
        if degradation is not None and self.config.condconv:
            enlarged: Tensor = self.adapted(degradation)(lr, rotations, on_attention=on_attention)
            return enlarged
        height, width = lr.shape[2:]
        least = max(self.config.min_side, 2)  # a border on each side
        if min(height, width) < least:
            sr = self.forward(reflect_to(lr, least, least), rotations, degradation, on_attention)
            return sr[:, :, : height * self.config.scale, : width * self.config.scale]
        with torch.autocast(lr.device.type, enabled=False):
            x = self.sub_mean(lr * self.config.rgb_range)  # (b, 3, h, w)
        features = self.head(x)  # (b, c, h, w)
        if degradation is not None:
            features = features + self.degradation(degradation)[:, :, None, None]
        if not torch.is_grad_enabled():
            return self._finish(x, features, self._run_body(features, rotations, on_attention))
        maps = self._run_body(features, rotations, on_attention)
        sr = self.tail(self.body[-1](maps) + features).to(lr.dtype)  # (b, 3, s h, s w)
        with torch.autocast(lr.device.type, enabled=False):
            # Not the last layer itself: a convolution of three channels takes half of the time of all that is above.
            sr = torch.matmul(colour_mix(self.add_mean, self.config), sr.flatten(2)).view(sr.shape)
            PictureRows(x, self.config, self.add_mean).add_to(sr, 0)
        return sr

    def adapted(self, degradation: Tensor) -> "NLSN":
        """Return the network for what is told of all pictures of a batch, (b, config.degradations): plain, no gradient.

        Raises:
            ValueError: it is not the same for all.
        """
        told = degradation.device, *degradation[0].tolist()
        if not bool((degradation == degradation[0]).all()):
            raise ValueError("the pictures of a batch have different degradations")
        if self._adapted is None or self._adapted[0] != told:
            with torch.device("meta"):  # no memory, and no draw of the generator
                plain = NLSN(replace(self.config, condconv=False, degradations=0))
            with torch.no_grad():
                weights = adapted_weights(self, degradation[0].to(self.head[0].weight))  # type: ignore[arg-type]
            del weights["degradation.weight"]
            plain.load_state_dict(weights, assign=True)
            self._adapted = told, plain.to(degradation.device).train(self.training)
        return self._adapted[1]

    def _run_body(
        self, features: Tensor, rotations: Sequence[Tensor] | None, on_attention: OnAttention | None
    ) -> Tensor:
        """Return what the attention layers and the residual blocks make of features (b, c, h, w)."""
        given = iter(rotations or ())
        in_place = not torch.is_grad_enabled()
        x = features.clone() if in_place else features
        for layer in cast("list[Any]", list(self.body)[:-1]):
            apply = layer.apply_ if in_place else layer
            if not isinstance(layer, NonLocalSparseAttention):
                x = apply(x)
                continue
            if on_attention is not None:
                on_attention(layer, x)
            x = apply(x, next(given, None))
        return x

    def _finish(self, x: Tensor, features: Tensor, maps: Tensor) -> Tensor:
        """Return the enlarged picture without a gradient, of the mean-free picture, its features, and the body's maps.

        What is convolved and added to the features takes their place.
        """
        scale, height = self.config.scale, x.shape[2]
        conv, picture = RowConv(self.body[-1]), PictureRows(x, self.config, self.add_mean)
        cells = Cells(self.tail, scale, colour_mix(self.add_mean, self.config))
        sr = x.new_empty(len(x), height * scale, x.shape[3] * scale, 3).permute(0, 3, 1, 2)
        final = ready = 0  # rows of the features that are final, and of the picture that are enlarged
        for top, bottom, last in bands(maps):
            rows = conv(maps[:, :, top:bottom], last=last)
            features[:, :, final : final + rows.shape[2]] += rows
            final += rows.shape[2]
            until = height if last else max(ready, final - cells.reach)
            if until > ready:
                part = sr[:, :, ready * scale : until * scale]
                part.copy_(spread(cells.rows(features, ready, until), scale))
                picture.add_to(part, ready)
                ready = until
        return sr
