"""What whoever runs a server decides: where it listens, who may use it, and how much of it."""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from nlsr_cli.errors import OptionError
from nlsr_cli.options import ComputeOptions

LEAST_TOKEN = 16  # characters: what can be guessed is no lock
_TOKEN = re.compile(r"[\x21-\x7e]*")  # what fits into a header
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
RESULT = 16  # times as many pixels as a picture may have, a result may have: the largest picture, 4 times as large


@dataclass(frozen=True)
class ServeOptions:
    """How a server behaves.

    `names` are host names by which it may be called, beside its own; `models` those that clients may choose from, the
    first one where they choose none: () is the embedded families. `state` is the folder in which accepted jobs survive
    a restart; None is a private one that goes with the server. `keep` are the seconds for which results are kept,
    `queue` the pictures that may wait, `max_upload` the bytes of one, `max_pixels` its pixels, and `max_seconds` the
    time that one may take. `max_memory` are bytes as of `UpscaleOptions`.

    Raises:
        OptionError: a value is out of range, or an address that others reach has no token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    names: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    compute: ComputeOptions = field(default_factory=ComputeOptions)
    offline: bool = False
    max_memory: int | None = None
    state: Path | None = None
    keep: float = 3600.0
    queue: int = 128
    max_upload: int = 256 << 20
    max_pixels: int = 1 << 26
    max_seconds: float = 600.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise OptionError(f"--port must be from 0 to 65535, not {self.port}", "Port 0 takes any that is free.")
        for option, value in (
            ("--keep", self.keep),
            ("--queue", self.queue),
            ("--max-upload", self.max_upload),
            ("--max-pixels", self.max_pixels),
            ("--max-seconds", self.max_seconds),
        ):
            if not 0 < value < float("inf"):
                raise OptionError(f"{option} must be positive, not {value:g}")
        if self.token is None and not self.is_local:
            raise OptionError(f"--host {self.host} can be reached by others, and needs a token", _example())
        if self.token is not None and len(self.token) < LEAST_TOKEN:
            raise OptionError(f"--token must have {LEAST_TOKEN} characters or more", _example())
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise OptionError("--token must be letters, digits and signs of ASCII without spaces", _example())

    @property
    def is_local(self) -> bool:
        """Tell whether only this machine reaches the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def per_client(self) -> int:
        """Return how many unfinished pictures one address may have, so that nobody takes all places."""
        return max(1, self.queue // 2)

    def answers_to(self, name: str) -> bool:
        """Tell whether a request may call the server by a host name, given without its port.

        Another name is that of a page elsewhere, which has made its own name point here (DNS rebinding). Nobody can do
        that with an address, so a server that others reach answers to all addresses.
        """
        own = f"[{self.host}]" if ":" in self.host else self.host
        known = (*_LOOPBACK, *self.names, own)
        if name.lower() in (each.lower() for each in known):
            return True
        return not self.is_local and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _example() -> str:
    return f"For example: --token {secrets.token_hex(16)}"
