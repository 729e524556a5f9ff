"""The models that one name stands for: those of a family, one for each scale, or a single one. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlsr_cli.errors import NlsrError, OptionError
from nlsr_cli.zoo.paths import default_scale, expanded, is_path, run_scales
from nlsr_cli.zoo.registry import DEFAULT_FAMILY, families, scales_of
from nlsr_cli.zoo.resolve import FAMILY_PATTERN, resolve
from nlsr_cli.zoo.source import ModelSource, run_model, sha256_of

if TYPE_CHECKING:
    from nlsr_cli.nlsn import NLSN

OWN = "own network"  # what provenance calls a network that came without files


class ModelSet:
    """Models by their scale, each found when it is first asked for, and loaded once, by `load`.

    Args:
        scales: those that there are.
        default: the one that is taken where no size was given.
        family: what names those that are not found yet, as `resolve` reads it: an embedded family, or the folder of a
            training run.
        found: those that are.
        networks: those that are loaded.
    """

    def __init__(
        self,
        scales: tuple[int, ...],
        default: int,
        family: str,
        found: Mapping[int, ModelSource] | None = None,
        networks: Mapping[int, NLSN] | None = None,
    ) -> None:
        self.scales = scales
        self.default = default
        self._family = family
        self._found = dict(found or {})
        self._networks = dict(networks or {})
        self._digests: dict[Path, str] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what another process, perhaps on another machine, has sent: embedded models lie where they do here, and
        no digest holds that was not made here.
        """
        self.__dict__.update(state, _digests={})
        for scale, source in self._found.items():
            if source.kind == "embedded":
                with suppress(NlsrError):  # told when it is to be loaded
                    self._found[scale] = resolve(source.name, scale)

    @classmethod
    def single(cls, source: ModelSource) -> ModelSet:
        """Return the set of one model."""
        return cls((source.scale,), source.scale, source.name, {source.scale: source})

    @classmethod
    def own(cls, networks: Mapping[int, NLSN]) -> ModelSet:
        """Return the set of a caller's own networks, by their scale, which have no files.

        Raises:
            OptionError: there is none, or one does not lie under its own scale.
        """
        if not networks or any(network.config.scale != scale for scale, network in networks.items()):
            raise OptionError("an Upscaler needs each network under its own scale", "For example: {2: network}")
        scales = tuple(sorted(networks))
        found = {
            scale: ModelSource(OWN, "local", Path(run_model(scale)), None, networks[scale].config) for scale in scales
        }
        return cls(scales, scales[-1], OWN, found, networks)

    def source(self, scale: int) -> ModelSource:
        """Return the model that enlarges `scale` times.

        Raises:
            UnknownModel: there is none of that scale.
            WeightsCorrupt, WeightsMismatch: its config is unusable.
        """
        if scale not in self._found:
            self._found[scale] = resolve(self._family, scale)
        return self._found[scale]

    def sources(self, scales: Iterable[int]) -> tuple[ModelSource, ...]:
        """Return the models of the stages of a cascade, each once, in the order of their first stage."""
        return tuple(self.source(scale) for scale in dict.fromkeys(scales))

    def weights_sha256(self, model: ModelSource) -> str:
        """Return the SHA-256 of the weights of one of these models, which are read for it once.

        Of a network without files it is that of the file in which it would be stored.

        Raises:
            ModelError: they cannot be read.
        """
        if model.weights not in self._digests:
            own = self._networks[model.scale] if model.name == OWN else None
            self._digests[model.weights] = sha256_of(model.weights) if own is None else _stored_sha256(own)
        return self._digests[model.weights]

    def load(self, scale: int) -> NLSN:
        """Return the network that enlarges `scale` times: the same one, wherever it has been moved, to all who ask.

        Raises:
            ModelError: it is damaged.
        """
        from nlsr_cli.zoo.checkpoint import load_model

        if scale not in self._networks:
            self._networks[scale] = load_model(self.source(scale))
        return self._networks[scale]


def _stored_sha256(network: NLSN) -> str:
    from nlsr_cli.zoo.checkpoint import stored_weights

    return sha256(stored_weights(network)).hexdigest()


def find_models(model: str | None, *, offline: bool = False) -> ModelSet:
    """Return the models that `model` names, as `resolve` reads it: all of a family or a training run, else the one.

    Raises:
        ModelError: as `resolve`.
    """
    text = DEFAULT_FAMILY if model is None else model
    match = FAMILY_PATTERN.fullmatch(text)
    if match and match["family"] in families() and not match["scale"]:
        scales = scales_of(match["family"])
        return ModelSet(scales, default_scale(scales), match["family"])
    if is_path(text) and (scales := _scales_at(text)):
        return ModelSet(scales, default_scale(scales), text)
    return ModelSet.single(resolve(text, None, offline=offline))


def _scales_at(text: str) -> tuple[int, ...]:
    try:
        return run_scales(expanded(text))
    except OSError:  # `resolve` says what is wrong with it
        return ()
