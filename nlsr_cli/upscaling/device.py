"""Which device the network runs on and in which precision: asked for, found, or refused with a reason."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from nlsr_cli.errors import OptionError
from nlsr_cli.options import ComputeOptions
from nlsr_cli.upscaling.foresight import listed_bf16

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Placement:
    """A device and a precision that the device has."""

    device: torch.device
    precision: str  # fp32, fp16 or bf16

    @contextlib.contextmanager
    def context(self) -> Iterator[None]:
        """Run what is inside without gradients, in this precision, with repeatable kernels and true float32."""
        half = self.precision != "fp32"
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, dtype=DTYPES[self.precision] if half else torch.bfloat16, enabled=half),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            yield

    def in_float32(self) -> Placement:
        """Return the same device in full precision."""
        return Placement(self.device, "fp32")

    def __str__(self) -> str:
        return f"{self.device} in {self.precision}"


@dataclass(frozen=True)
class DeviceFacts:
    """What `nlsr doctor` says of one device."""

    name: str  # as `--device` takes it
    description: str
    precisions: tuple[str, ...]
    automatic: str  # the precision that `auto` stands for


def cpu_has_native_bf16() -> bool:
    """Tell whether this processor multiplies bfloat16 in hardware; elsewhere it is emulated and slower than float32."""
    listed = listed_bf16()
    if listed is not None:
        return listed
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # no public question yet, as of torch 2.11
    return bool(probe and probe())


def supported_precisions(device: torch.device) -> tuple[str, ...]:
    """Return the precisions that `device` computes in hardware, float32 first."""
    if device.type == "cuda":
        bf16 = torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later
        return ("fp32", "fp16", "bf16") if bf16 else ("fp32", "fp16")
    if device.type == "mps":
        return ("fp32", "fp16")
    return ("fp32", "bf16") if cpu_has_native_bf16() else ("fp32",)


def automatic_precision(device: torch.device) -> str:
    """Return what `--precision auto` means: fp16 on CUDA, bf16 on a CPU that has it, else fp32.

    Apple's MPS stays in float32: half precision is known to give black pictures on some of its versions.
    """
    if device.type == "cuda":
        return "fp16"
    return "bf16" if device.type == "cpu" and "bf16" in supported_precisions(device) else "fp32"


def available_devices() -> list[torch.device]:
    """Return the devices of this machine, the preferred one first; the CPU is always the last."""
    devices = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append(torch.device("mps"))
    return [*devices, torch.device("cpu")]


def place(options: ComputeOptions) -> Placement:
    """Return the device and precision that `options` ask for.

    Raises:
        OptionError: this machine has no such device, or the device has no such precision.
    """
    found = available_devices()
    name = "cuda:0" if options.device == "cuda" else options.device
    device = found[0] if name == "auto" else torch.device(name)
    if device not in found:
        names = ", ".join(str(each) for each in found)
        raise OptionError(
            f"device '{options.device}' is not available",
            f"Devices on this machine: {names}. To see why CUDA is not used: nlsr doctor",
        )
    if options.precision == "auto":
        return Placement(device, automatic_precision(device))
    supported = supported_precisions(device)
    if options.precision not in supported:
        raise OptionError(
            f"{device} does not support the precision {options.precision}",
            f"It supports {', '.join(supported)}; --precision auto chooses {automatic_precision(device)}.",
        )
    return Placement(device, options.precision)


def describe_devices() -> list[DeviceFacts]:
    """Return the facts of every device of this machine, the preferred one first."""
    facts = []
    for device in available_devices():
        if device.type == "cuda":
            properties = torch.cuda.get_device_properties(device)
            description = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
        elif device.type == "mps":
            description = "Apple GPU"
        else:
            description = f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
        facts.append(DeviceFacts(str(device), description, supported_precisions(device), automatic_precision(device)))
    return facts


def trouble_with_cuda() -> str | None:
    """Return what torch says when it computes on the first CUDA device: "" if it can, None without one."""
    return trouble_with(torch.device("cuda")) if torch.cuda.is_available() else None


def trouble_with(device: torch.device) -> str:
    """Return what torch says when it computes on a device: "" if it can."""
    try:
        torch.ones(1, device=device).sum().item()
    except RuntimeError as exc:
        return str(exc).splitlines()[0]
    return ""


def processor_name(device: torch.device) -> str:
    """Return what its maker calls the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.is_file() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def kind_of(device: torch.device) -> str:
    """Return what processors have in common that give the same bytes in half precision: the name, and the limit that
    this process is under.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "") if device.type == "cpu" else ""
    return f"{processor_name(device)}{limit and f' limited to {limit}'}"


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception of torch or Python means that memory ran out, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # The CPU allocator and MPS raise a plain RuntimeError; only their text tells.
    return isinstance(error, RuntimeError) and bool(
        re.search(r"out of memory|can't allocate memory|not enough memory", str(error), re.IGNORECASE)
    )
