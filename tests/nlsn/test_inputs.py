"""What the network refuses before torch speaks of convolutions."""

from collections.abc import Callable

import pytest
import torch

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn import NLSN


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.rand(3, 6, 8), r"not \(3, 6, 8\)\nhint: Make a batch of one picture: lr.unsqueeze\(0\)"),
        (torch.rand(1, 6, 8, 3), r"\nhint: Put the channels first: lr.permute\(0, 3, 1, 2\)"),
        (torch.rand(1, 4, 6, 8), r"needs a tensor \(b, 3, h, w\), not \(1, 4, 6, 8\)"),
        (torch.rand(0, 3, 6, 8), r"the tensor is empty: its shape is \(0, 3, 6, 8\)"),
        (torch.rand(1, 3, 0, 8), "the tensor is empty"),
        (torch.zeros(1, 3, 6, 8, dtype=torch.uint8), r"not torch.uint8\nhint: Convert it: lr.float\(\) / 255"),
        (torch.rand(1, 3, 6, 8).half(), r"of type torch.float16, the network of torch.float32\nhint: .*lr.to"),
        (torch.rand(1, 3, 6, 8, device="meta"), "the tensor is on meta, the network on cpu"),
    ],
)
@pytest.mark.parametrize("grad", [True, False])
def test_a_wrong_tensor_is_told_in_one_sentence(
    tiny_network: Callable[..., NLSN], tensor: torch.Tensor, message: str, grad: bool
) -> None:
    with pytest.raises(OptionError, match=message), torch.set_grad_enabled(grad):
        tiny_network()(tensor)


def test_a_tensor_of_another_precision_is_autocasts_business(tiny_network: Callable[..., NLSN]) -> None:
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert tiny_network().bfloat16()(torch.rand(1, 3, 6, 8).bfloat16()).shape == (1, 3, 12, 16)
        assert tiny_network()(torch.rand(1, 3, 6, 8)).shape == (1, 3, 12, 16)
