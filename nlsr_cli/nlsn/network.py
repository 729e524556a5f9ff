"""NLSN, the Non-Local Sparse Network: low-resolution tensors in, super-resolved tensors out.

The published network is EDSR (Lim et al., CVPRW 2017) with Non-Local Sparse Attention first and after every eighth
residual block. Parameter names are the authors', so that a published checkpoint loads without renaming.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of `config` to rebuild it from config.json.
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nlsr_cli.errors import DownloadFailed
from nlsr_cli.nlsn.attention import NonLocalSparseAttention, add_scaled, reflect_to
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.nlsn.winograd import convolve, pays

RGB_MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K's training set, as EDSR and its successors use it
BLOCKS_PER_ATTENTION = 8
_TAIL_REACH = 2  # rows of features on either side that a row of the output depends on
_LEAST_BAND_ROWS, _BAND_PIXELS, _GPU_BAND_PIXELS = 16, 2**11, 2**16  # of a band of the tail


class _WithoutHub:
    """Stands in for the Hub's mixin where its client refuses the user's settings: enlarging needs no Hub."""

    def __init_subclass__(cls, **_: object) -> None:
        super().__init_subclass__()

    @classmethod
    def from_pretrained(cls, *_: object, **__: object) -> None:
        """Refuse, as everything else that the mixin would have brought does.

        Raises:
            DownloadFailed: always.
        """
        raise DownloadFailed("the Hub's client cannot start", "Check HF_ENDPOINT and the HF_HUB_ settings.")

    save_pretrained = push_to_hub = from_pretrained


def _hub_mixin() -> type[Any]:
    """Return the mixin, whose module reads the environment variables of the Hub's client when it is imported."""
    try:
        with redirect_stdout(StringIO()):  # where the client prints a line about its failure; stdout is for results
            from huggingface_hub import PyTorchModelHubMixin
    except ValueError:
        return _WithoutHub
    return PyTorchModelHubMixin


if TYPE_CHECKING:
    from huggingface_hub import PyTorchModelHubMixin
else:
    PyTorchModelHubMixin = _hub_mixin()


class MeanShift(nn.Conv2d):
    """Add `sign` times the mean colour, as the 1x1 convolution that the published checkpoints hold."""

    def __init__(self, rgb_range: float, sign: int) -> None:
        super().__init__(3, 3, 1)
        with torch.no_grad():
            self.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
            self.bias.copy_(sign * rgb_range * torch.tensor(RGB_MEAN))  # type: ignore[union-attr]
        self.requires_grad_(False)


class WideConv2d(nn.Conv2d):
    """A 3x3 convolution with a border of zeros, computed by Winograd's algorithm where that pays."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, o, h, w)."""
        return convolve(x, self.weight, self.bias) if pays(x, self.weight) else super().forward(x)


class Shuffle(nn.PixelShuffle):
    """Sub-pixel shuffle (Shi et al., CVPR 2016) that keeps channels last: the library's takes three times as long."""

    def forward(self, x: Tensor) -> Tensor:
        """(b, c f f, h, w) -> (b, c, f h, f w)."""
        f = self.upscale_factor
        b, _, h, w = x.shape
        cells = x.permute(0, 2, 3, 1).reshape(b, h, w, -1, f, f)  # (b, h, w, c, f, f)
        rows = cells.permute(0, 1, 4, 2, 5, 3).reshape(b, h * f, w * f, -1)  # (b, f h, f w, c)
        return rows.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """x + res_scale * conv(relu(conv(x))), without normalisation, as in EDSR."""

    def __init__(self, n_feats: int, res_scale: float) -> None:
        super().__init__()
        self.body = nn.Sequential(WideConv2d(n_feats, n_feats), nn.ReLU(inplace=True), WideConv2d(n_feats, n_feats))
        self.res_scale = res_scale

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c, h, w)."""
        first, second = (cast("WideConv2d", self.body[index]) for index in (0, 2))
        if pays(x, first.weight):  # the same, with what follows a convolution done while its result is in cache
            inner = convolve(x, first.weight, first.bias, relu=True)
            return convolve(inner, second.weight, second.bias, base=x, scale=self.res_scale)
        return add_scaled(x, self.body(x), self.res_scale)


def _upsampler(scale: int, n_feats: int) -> nn.Sequential:
    """Enlarge features by sub-pixel convolution (Shi et al., CVPR 2016): one step for 2 and 3, two steps for 4."""
    factors = (2, 2) if scale == 4 else (scale,)
    layers: list[nn.Module] = []
    for factor in factors:
        layers += [WideConv2d(n_feats, n_feats * factor**2), Shuffle(factor)]
    return nn.Sequential(*layers)


def _tail(config: NLSNConfig) -> nn.Sequential:
    if config.upsampler == "pixelshuffledirect":
        shuffled = nn.Conv2d(config.n_feats, 3 * config.scale**2, 3, padding=1)
        return nn.Sequential(shuffled, Shuffle(config.scale))
    return nn.Sequential(_upsampler(config.scale, config.n_feats), nn.Conv2d(config.n_feats, 3, 3, padding=1))


def _body(config: NLSNConfig) -> nn.Sequential:
    def attention(seed: int) -> NonLocalSparseAttention:
        return NonLocalSparseAttention(
            config.n_feats,
            reduction=config.reduction,
            chunk_size=config.chunk_size,
            n_hashes=config.n_hashes,
            res_scale=config.res_scale,
            seed=seed,
        )

    layers: list[nn.Module] = [attention(0)]
    for index in range(1, config.n_resblocks + 1):
        layers.append(ResidualBlock(config.n_feats, config.res_scale))
        if index % BLOCKS_PER_ATTENTION == 0:
            layers.append(attention(index // BLOCKS_PER_ATTENTION))
    return nn.Sequential(*layers, WideConv2d(config.n_feats, config.n_feats))


class NLSN(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="nlsr",
    license="apache-2.0",
    pipeline_tag="image-to-image",
    tags=["super-resolution", "nlsn"],
):
    """The Non-Local Sparse Network: (b, 3, h, w) RGB in [0, 1] -> (b, 3, scale * h, scale * w), any h and w from 1 up.

    The output is not clamped. `config` round-trips through config.json by `save_pretrained` and `from_pretrained`.
    """

    def __init__(self, config: NLSNConfig) -> None:
        super().__init__()
        self.config = config
        self.sub_mean = MeanShift(config.rgb_range, -1)
        self.head = nn.Sequential(nn.Conv2d(3, config.n_feats, 3, padding=1))
        self.body = _body(config)
        self.tail = _tail(config)
        self.add_mean = MeanShift(config.rgb_range, 1)

    def forward(self, lr: Tensor, rotations: Sequence[Tensor] | None = None) -> Tensor:
        """Enlarge `lr`. `rotations`, one tensor (d, r, k / 2) per attention layer in order, override the seeded ones.

        The picture itself (mean shift, bilinear skip, last addition) stays in the dtype of `lr` under autocast: only
        features are halved, so a half-precision run cannot lose levels of the input. A side under `config.min_side` is
        mirrored up to it, because next to two borders the zero padding of the convolutions tints what it sees.
        """
        height, width = lr.shape[2:]
        if min(height, width) < self.config.min_side:
            sr = self.forward(reflect_to(lr, self.config.min_side, self.config.min_side), rotations)
            return sr[:, :, : height * self.config.scale, : width * self.config.scale]
        with torch.autocast(lr.device.type, enabled=False):
            x = self.sub_mean(lr * self.config.rgb_range)  # (b, 3, h, w)
        features = self.head(x)  # (b, c, h, w)
        # In place, as nothing before needs what is changed for its gradient: at full size every copy counts.
        sr = self._run_tail(self._run_body(features, rotations).add_(features)).to(lr.dtype)  # (b, 3, s h, s w)
        with torch.autocast(lr.device.type, enabled=False):
            if self.config.image_skip == "bilinear":
                sr += F.interpolate(x, scale_factor=self.config.scale, mode="bilinear", align_corners=False)
            return torch.as_tensor(self.add_mean(sr).div_(self.config.rgb_range))

    def _run_body(self, features: Tensor, rotations: Sequence[Tensor] | None) -> Tensor:
        if rotations is None:
            return torch.as_tensor(self.body(features))
        given = iter(rotations)
        for layer in self.body:
            features = layer(features, next(given)) if isinstance(layer, NonLocalSparseAttention) else layer(features)
        return features

    def _run_tail(self, features: Tensor) -> Tensor:
        """Return the tail of features (b, c, h, w), (b, 3, s h, s w), in bands where its inner maps would be huge.

        The published tail has c channels at full resolution, by far the most memory of the network. A band is computed
        with the rows around it that its convolutions reach: one at each of the resolutions, less than two in all.
        """
        pixels = _BAND_PIXELS if features.device.type == "cpu" else _GPU_BAND_PIXELS
        rows = max(_LEAST_BAND_ROWS, pixels // features.shape[3])
        height, scale = features.shape[2], self.config.scale
        if torch.is_grad_enabled() or self.config.upsampler != "pixelshuffle" or height <= rows:
            return torch.as_tensor(self.tail(features))
        bands = []
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            first, last = max(top - _TAIL_REACH, 0), min(bottom + _TAIL_REACH, height)
            band = self.tail(features[:, :, first:last])  # (b, 3, s (last - first), s w)
            bands.append(band[:, :, (top - first) * scale : (bottom - first) * scale])
        return torch.cat(bands, dim=2)
