"""Devices and precisions: found, or refused with what there is."""

import pytest
import torch

from nlsr_cli.errors import OptionError
from nlsr_cli.options import ComputeOptions
from nlsr_cli.upscaling import device
from nlsr_cli.upscaling.device import available_devices, is_out_of_memory, place, supported_precisions

CPU = torch.device("cpu")


def test_cpu_is_always_there() -> None:
    assert place(ComputeOptions("cpu")).device == CPU
    assert available_devices()[-1] == CPU


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_precision_of_a_cpu_is_what_it_has_in_hardware(
    monkeypatch: pytest.MonkeyPatch, native: bool, precision: str
) -> None:
    monkeypatch.setattr(device, "cpu_has_native_bf16", lambda: native)
    assert place(ComputeOptions("cpu")).precision == precision


def test_precision_that_the_device_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cpu_has_native_bf16", lambda: False)
    with pytest.raises(OptionError, match="cpu does not support the precision bf16") as caught:
        place(ComputeOptions("cpu", "bf16"))
    assert "fp32" in caught.value.hint
    with pytest.raises(OptionError, match="fp16"):
        place(ComputeOptions("cpu", "fp16"))


def test_device_that_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(OptionError, match="'cuda:77' is not available") as caught:
        place(ComputeOptions("cuda:77"))
    assert "cpu" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_known_on_every_device(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_real_allocation_failure_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)


def test_context_runs_in_the_placement() -> None:
    placement = place(ComputeOptions("cpu", "fp32"))
    with placement.context():
        assert torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu")
        assert torch.backends.cudnn.enabled, "its context manager switches cuDNN off unless told otherwise"
        assert torch.backends.cudnn.deterministic
        assert not torch.backends.cudnn.allow_tf32


@pytest.mark.requires_cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_is_preferred_and_runs_in_half_precision() -> None:
    placement = place(ComputeOptions())
    assert (placement.device, placement.precision) == (torch.device("cuda", 0), "fp16")
    assert "fp16" in supported_precisions(placement.device)
