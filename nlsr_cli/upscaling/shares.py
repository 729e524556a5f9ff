"""Which device and how much memory each of the processes gets that share a call. Torch is loaded only for GPUs."""

from __future__ import annotations

from dataclasses import replace

from nlsr_cli.errors import OptionError
from nlsr_cli.limits import DECODER, MAIN
from nlsr_cli.options import ComputeOptions, UpscaleOptions, counted
from nlsr_cli.upscaling.foresight import foreseen
from nlsr_cli.workers import ALL, Workers


def shared_out(options: UpscaleOptions, asked: Workers) -> tuple[UpscaleOptions, tuple[str, ...]]:
    """Return the options of one worker, which has its share of `max_memory`, and the device of each.

    Raises:
        OptionError: this machine lacks a device, or the share is too small.
    """
    devices = _devices_of(asked, options.compute.precision)
    options = replace(options, compute=replace(options.compute, device=devices[0]))
    if len(devices) == 1 or options.max_memory is None:
        return options, devices
    share, least = options.max_memory // len(devices), MAIN + DECODER
    if share < least:
        reason = f"--max-memory is for all {len(devices)} workers together, which leaves {share >> 20} MiB for each"
        raise OptionError(reason, f"Give more than {least * len(devices) >> 20}M, or fewer workers.")
    return replace(options, max_memory=share), devices


def _devices_of(asked: Workers, precision: str) -> tuple[str, ...]:
    """Return the device of each worker.

    Raises:
        OptionError: this machine lacks one.
    """
    count, device = asked.count or 1, asked.devices[0]
    if len(asked.devices) == 1 and device != ALL and (count == 1 or device == "cpu"):
        return (device,) * count
    known = foreseen(ComputeOptions("auto", precision)) if device == "auto" else None
    if known is not None and known[0] == "cpu":
        return ("cpu",) * count
    from nlsr_cli.upscaling.device import available_devices, place

    if len(asked.devices) > 1:
        for each in asked.devices:
            place(ComputeOptions(each, precision))
        return asked.devices
    gpus = tuple(str(each) for each in available_devices() if each.type == "cuda")
    if device == "auto" and not gpus:
        place(ComputeOptions("cpu", precision))
        return ("cpu",) * count
    wanted = len(gpus) if device == ALL and asked.count is None else count
    if not 1 <= wanted <= len(gpus):
        asks = f"--device {device}" + (f" --workers {wanted}" if wanted else "")
        hint = "Each GPU takes one process. Processes on the processor: --device cpu. What is there: nlsr doctor"
        raise OptionError(f"{asks}: this machine has {counted(len(gpus), 'GPU')} for CUDA", hint)
    return gpus[:wanted]
