"""What the Hub's `PyTorchModelHubMixin` gives a network, without its client before one asks for it.

The client takes a fifth of a second to load, which a small picture would wait for without ever asking the Hub.
"""

from __future__ import annotations

from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from typing import Any, TypeVar, cast

import torch
from torch import nn

from nlsr_cli.errors import DownloadFailed

N = TypeVar("N", bound="HubMethods")


class HubMethods(nn.Module):
    """The methods of the mixin, for a network that is made from a `config`, a dataclass, alone.

    See https://huggingface.co/docs/huggingface_hub/package_reference/mixins. All of them raise `DownloadFailed` where
    the client cannot start, because a setting in the environment is unusable.
    """

    config: Any

    @classmethod
    def from_pretrained(cls: type[N], *args: Any, **kwargs: Any) -> N:  # noqa: ANN401 - the mixin's own
        """Load a network from a folder or from the Hub, as the mixin does: leniently, and it prints."""
        own: Any = cls
        mixed = _with_mixin(own).from_pretrained(*args, **kwargs)
        return cast("N", _copy(mixed, cls).train(mixed.training))

    def save_pretrained(self, *args: Any, **kwargs: Any) -> str | None:  # noqa: ANN401
        """Write config.json, model.safetensors and a model card into a folder."""
        return cast("str | None", self._mixed().save_pretrained(*args, **kwargs))

    def push_to_hub(self, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401
        """Upload the same to the Hub; returns the address of the commit."""
        return cast("str", self._mixed().push_to_hub(*args, **kwargs))

    def _mixed(self) -> Any:  # noqa: ANN401 - a class that only exists when it is asked for
        own: Any = type(self)
        return _copy(self, _with_mixin(own))


def _copy(model: Any, cls: Any) -> Any:  # noqa: ANN401 - a class that only exists when it is asked for
    """Return a network of another class with the weights of `model`, which both have then."""
    with torch.device("meta"):  # no memory, and no draw of the generator that a training may go on with
        copied = cls(model.config)
    copied.load_state_dict(model.state_dict(), assign=True)
    return copied


@cache
def _with_mixin(cls: Any) -> Any:  # noqa: ANN401
    """Return `cls` with the mixin before it, whose module reads the environment when it is imported."""
    try:
        with redirect_stdout(StringIO()):  # where the client prints a line about its failure; stdout is for results
            from huggingface_hub import PyTorchModelHubMixin
    except ValueError as exc:
        raise DownloadFailed("the Hub client cannot start", "Check HF_ENDPOINT and the HF_HUB_ settings.") from exc

    class Mixed(
        PyTorchModelHubMixin,
        cls,  # type: ignore[misc]
        library_name="nlsr",
        pipeline_tag="image-to-image",
        tags=["super-resolution", "nlsn"],
    ):
        pass

    return Mixed
