"""How many processes share the pictures of a call, and on which devices: what is asked, whatever this machine has."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from nlsr_cli.errors import OptionError, UnknownChoice
from nlsr_cli.options import DEVICE_PATTERN, DEVICES

ALL = "cuda:all"  # all GPUs that this machine has
MOST = 256  # processes: more than any machine has sockets and GPUs
LOCAL, RAY = ENGINES = ("local", "ray")
AUTO = "auto"  # the address of the cluster that this machine is part of
CLUSTER_DEVICES = ("auto", "cpu", "cuda")
_ADDRESS = re.compile(r"auto|([\w.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


@dataclass(frozen=True)
class Workers:
    """What is asked: `devices` are "cuda:all" alone, one for all processes, or one for each; `count` None is as many as
    there are devices. `engine` is "local", or "ray" for workers on the machines of a Ray cluster; `address` is that of
    the cluster, HOST:PORT, and None the one that this machine is part of.
    """

    devices: tuple[str, ...] = ("auto",)
    count: int | None = None
    engine: str = LOCAL
    address: str | None = None

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise UnknownChoice("engine", self.engine, ENGINES)
        if self.address is not None and self.engine != RAY:
            raise OptionError("--address is that of a Ray cluster", "Add --engine ray, or omit it.")
        if self.address is not None and not _ADDRESS.fullmatch(self.address):
            hint = "For example: --address 10.0.0.1:6379, or omit it on a machine of the cluster."
            raise OptionError(f"--address must be auto or HOST:PORT, not '{self.address[:40]}'", hint)
        if self.count is not None and not 1 <= self.count <= MOST:
            hint = "One process is the default; for two: --workers 2"
            raise OptionError(f"--workers must be from 1 to {MOST}, not {self.count}", hint)
        if self.engine == RAY and (len(self.devices) > 1 or self.devices[0] not in CLUSTER_DEVICES):
            hint = f"With --engine ray it is one of {', '.join(CLUSTER_DEVICES)}."
            raise OptionError(f"--device {','.join(self.devices)} names devices of this machine", hint)
        for device in self.devices:
            if device != ALL and not DEVICE_PATTERN.fullmatch(device):
                raise UnknownChoice("device", device, (*DEVICES, ALL), meant=device.replace("gpu", "cuda"))
        if len(self.devices) > 1:
            self._check_list()
        if "mps" in self.devices and (self.count or 1) > 1:
            raise OptionError("a Mac has one GPU, and one process fills it", "Omit --workers, or: --device cpu")

    @classmethod
    def parse(
        cls, device: str | None, count: int | None, engine: str | None = None, address: str | None = None
    ) -> Workers:
        """Build from the text of `--device`, such as `cuda:0,cuda:2`, the number of `--workers`, and a cluster.

        Raises:
            OptionError: a device is none, or they do not fit each other.
        """
        devices = tuple(each.strip() for each in (device or "auto").split(","))
        return cls(devices, count, LOCAL if engine is None else engine, address)

    @property
    def first(self) -> str:
        """Return a device that stands for all of them where only their kind counts."""
        return "cuda" if self.devices[0] == ALL else self.devices[0]

    def _check_list(self) -> None:
        """Refuse devices that do not belong together.

        Raises:
            OptionError: they are of several kinds, which give other pixels, or one GPU is named twice.
        """
        names = ["cuda:0" if device == "cuda" else device for device in self.devices]
        listed = ",".join(self.devices)
        if "auto" in names or ALL in names:
            raise OptionError(f"--device {listed}: auto and {ALL} stand alone", "For example: --device cuda:0,cuda:1")
        if len({name.partition(":")[0] for name in names}) > 1:
            hint = "Their pixels differ a little: name devices of one kind, such as --device cuda:0,cuda:1"
            raise OptionError(f"--device {listed} mixes kinds of devices", hint)
        name, times = Counter(names).most_common(1)[0]
        if times > 1 and name != "cpu":
            raise OptionError(f"--device {listed} names {name} twice, and one process fills it", "Name each GPU once.")
        if self.count is not None and self.count != len(names):
            hint = "A list has one device for each process: omit --workers."
            raise OptionError(f"--workers {self.count}, and --device names {len(names)}", hint)
