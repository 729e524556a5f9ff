"""Tensors as pictures: which shapes and types are taken, and that they come back in kind."""

import pytest
import torch

from nlsr_cli.errors import ImageReadError
from nlsr_cli.upscaling.tensors import read_tensor, tensor_of

MOST = 10**6


@pytest.mark.parametrize("shape", [(3, 6, 8), (1, 6, 8), (2, 6, 8), (4, 6, 8), (1, 3, 6, 8), (5, 4, 6, 8)])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_shape_and_type_come_back(shape: tuple[int, ...], kind: torch.dtype) -> None:
    levels = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0))
    tensor = (levels if kind == torch.uint8 else levels / 255).to(kind)
    before = tensor.clone()
    pictures = read_tensor(tensor, max_pixels=MOST)
    assert len(pictures) == (shape[0] if len(shape) == 4 else 1)
    assert {(each.height, each.width) for each in pictures} == {(6, 8)}
    made = tensor_of(pictures, tensor)
    assert (made.dtype, made.shape, made.device, made.is_contiguous()) == (kind, shape, tensor.device, True)
    assert torch.allclose(made.double(), before.double(), atol=1e-7)
    assert torch.equal(tensor, before)
    assert made.data_ptr() != tensor.data_ptr()


def test_no_gradient_flows_and_none_is_asked() -> None:
    tensor = torch.rand(3, 6, 8, requires_grad=True)
    made = tensor_of(read_tensor(tensor * 1, max_pixels=MOST), tensor)
    assert not made.requires_grad


def test_views_and_tensors_of_inference_mode_are_read() -> None:
    tensor = torch.rand(8, 6, 3).permute(2, 1, 0)
    with torch.inference_mode():
        inner = tensor * 1
    for each in (tensor, tensor[:, ::2], inner):
        assert torch.equal(tensor_of(read_tensor(each, max_pixels=MOST), each), each)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.zeros(6, 8, 3), r"shape \(6, 8, 3\), .*\nhint: Put the channels first: tensor.permute\(2, 0, 1\)"),
        (torch.zeros(2, 6, 8, 3), r"\nhint: Put the channels first: tensor.permute\(0, 3, 1, 2\)"),
        (torch.zeros(6, 8), r"shape \(6, 8\), which is not that of pictures\nhint: Give \(3, h, w\)"),
        (torch.zeros(5, 6, 8), r"shape \(5, 6, 8\), which is not that of pictures"),
        (torch.zeros(0, 3, 6, 8), r"is an empty batch: its shape is \(0, 3, 6, 8\)"),
        (torch.zeros(3, 0, 8), r"has no pixels: its shape is \(3, 0, 8\)"),
        (torch.zeros(3, 6, 8, dtype=torch.int64), r"type torch.int64, not uint8 .*\nhint: .*tensor.float\(\) / 255"),
        (torch.zeros(3, 6, 8, dtype=torch.bool), "type torch.bool"),
        (torch.zeros(1, 1001, 1000), "the limit is 1000000"),
    ],
)
def test_what_is_no_picture_is_refused(tensor: torch.Tensor, message: str) -> None:
    with pytest.raises(ImageReadError, match=message):
        read_tensor(tensor, max_pixels=MOST)
