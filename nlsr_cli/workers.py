"""How many processes share the pictures of a call, and on which devices: what is asked, whatever this machine has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from nlsr_cli.errors import OptionError, UnknownChoice
from nlsr_cli.options import DEVICE_PATTERN, DEVICES

ALL = "cuda:all"  # all GPUs that this machine has
MOST = 256  # processes: more than any machine has sockets and GPUs


@dataclass(frozen=True)
class Workers:
    """What is asked: `devices` are "cuda:all" alone, one for all processes, or one for each; `count` None is as many as
    there are devices.
    """

    devices: tuple[str, ...] = ("auto",)
    count: int | None = None

    def __post_init__(self) -> None:
        if self.count is not None and not 1 <= self.count <= MOST:
            hint = "One process is the default; for two: --workers 2"
            raise OptionError(f"--workers must be from 1 to {MOST}, not {self.count}", hint)
        for device in self.devices:
            if device != ALL and not DEVICE_PATTERN.fullmatch(device):
                raise UnknownChoice("device", device, (*DEVICES, ALL), meant=device.replace("gpu", "cuda"))
        if len(self.devices) > 1:
            self._check_list()
        if "mps" in self.devices and (self.count or 1) > 1:
            raise OptionError("a Mac has one GPU, and one process fills it", "Omit --workers, or: --device cpu")

    @classmethod
    def parse(cls, device: str | None, count: int | None) -> Workers:
        """Build from the text of `--device`, such as `cuda:0,cuda:2`, and the number of `--workers`.

        Raises:
            OptionError: a device is none, or they do not fit each other.
        """
        return cls(tuple(each.strip() for each in (device or "auto").split(",")), count)

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
