"""The account of a file: every part that its container has, and the fate of each, whatever the format."""

from __future__ import annotations

from collections.abc import Callable

from nlsr_cli.images.containers import items
from nlsr_cli.images.jpegxl.files import parts as jpegxl_parts
from nlsr_cli.images.parts import Accounted, account, loss_notes
from nlsr_cli.images.rules import isobmff, jpegxl
from nlsr_cli.images.rules.bmp import account_bmp
from nlsr_cli.images.rules.gif import account_gif
from nlsr_cli.images.rules.jpeg import accounted as account_jpeg
from nlsr_cli.images.rules.png import account_png
from nlsr_cli.images.rules.riff import account_webp
from nlsr_cli.images.rules.tiff import account as account_tiff

Accounting = Callable[[bytes], tuple[Accounted, ...]]

# By format: what makes the account, and what the format calls a part.
ACCOUNTS: dict[str, tuple[Accounting, str]] = {
    "JPEG": (account_jpeg, "JPEG segment"),
    **dict.fromkeys(("AVIF", "HEIC"), (lambda data: account(items.parts(data), isobmff.rule), "part of the container")),
    "JXL": (lambda data: account(jpegxl_parts(data), jpegxl.rule), "part of the container"),
    "PNG": (account_png, "PNG chunk"),
    "WEBP": (account_webp, "WebP chunk"),
    "GIF": (account_gif, "GIF extension"),
    "BMP": (account_bmp, "part of a BMP"),
    "TIFF": (account_tiff, "TIFF tag"),
}


def account_of(format: str, data: bytes) -> tuple[Accounted, ...]:  # noqa: A002 - the word for it, in Pillow too
    """Return the fate of every part of a file of the given format, in the order of the file.

    Nothing in it can fail: a walker ends where a damaged file stops making sense.
    """
    found = ACCOUNTS.get(format)
    return found[0](data) if found else ()


def losses(format: str, data: bytes) -> tuple[str, ...]:  # noqa: A002
    """Return a note for each kind of part that is left out."""
    found = ACCOUNTS.get(format)
    return tuple(loss_notes(account_of(format, data), found[1])) if found else ()
