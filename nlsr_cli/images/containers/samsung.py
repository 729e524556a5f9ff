"""The trailer of Samsung's cameras: named records behind the picture, listed in a directory at the end of the file.

The layout is not published; this is what ExifTool's documentation ("Samsung Trailer Tags") tells of it: the file ends
in the size of the directory and "SEFT"; the directory is "SEFH", a version, a count and, for each record, its type, how
far before "SEFH" it begins, and its size. A record repeats its type, and goes on with its name and its content.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from nlsr_cli.images.parts import Part

PREFIX = "Samsung "
DIRECTORY, MARK = b"SEFH", b"SEFT"
MAX_RECORDS = 256
LONGEST_NAME = 64


def records(data: bytes, end: int) -> list[Part]:
    """Return the records in the order of the file, and the directory as the last part; nothing where there is none.

    Together they cover all bytes from the first record to the end of the file; `end` is that of the picture, before
    which none may begin.
    """
    if data[-4:] != MARK or len(data) < 24:
        return []
    directory = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if directory < end or data[directory : directory + 4] != DIRECTORY:
        return []
    count = min(int.from_bytes(data[directory + 8 : directory + 12], "little"), MAX_RECORDS)
    rows = [data[directory + 12 + 12 * row : directory + 24 + 12 * row] for row in range(count)]
    starts = {directory - struct.unpack("<HHII", row)[2] for row in rows if len(row) == 12}
    places = sorted(start for start in starts if end <= start < directory)
    found = [_record(data, start, stop) for start, stop in pairwise([*places, directory])]
    return [*found, Part(f"{PREFIX}directory", directory, len(data) - directory)]


def _record(data: bytes, start: int, stop: int) -> Part:
    length = min(int.from_bytes(data[start + 4 : start + 8], "little"), LONGEST_NAME, stop - start)
    name = data[start + 8 : start + 8 + length].decode("latin-1")
    return Part(PREFIX + name, start, stop - start, data[start + 8 + length : start + 8 + length + 64])
