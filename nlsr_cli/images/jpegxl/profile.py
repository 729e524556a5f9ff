"""The ICC profile in a JPEG XL codestream (ISO/IEC 18181-1, annex E.4): unpacked, and packed in the plainest way."""

from __future__ import annotations

import struct

from nlsr_cli.images.jpegxl.bits import BitReader, BitWriter
from nlsr_cli.images.jpegxl.entropy import Decoder

MAX_PACKED = 4 << 20  # bytes: more than any profile that a JPEG XL was seen with
CONTEXTS = 41
HEADER = 128
TAGS = b"cprt wtpt bkpt rXYZ gXYZ bXYZ kXYZ rTRC gTRC bTRC kTRC chad desc chrm dmnd dmdd lumi".split()
TYPES = (b"XYZ ", b"desc", b"text", b"mluc", b"para", b"curv", b"sf32", b"gbd ")
OF_20_BYTES = (b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"wtpt", b"bkpt", b"lumi")
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
INSERT, SHUFFLE_2, SHUFFLE_4, PREDICT, XYZ, FIRST_TYPE = 1, 2, 3, 4, 10, 16


def read_profile(reader: BitReader) -> bytes:
    """Return the profile that follows the image header.

    Raises:
        EOFError, ValueError: it is cut off, makes no sense, or is too large.
    """
    size = reader.u64()
    if size > MAX_PACKED:
        raise ValueError("the profile is too large")
    decoder = Decoder(reader, CONTEXTS)
    if decoder.is_flat:
        return _Unpacking(reader.u(8 * size).to_bytes(size, "little").translate(REVERSED)).profile()
    packed = bytearray()
    for at in range(size):
        context = 0 if at <= HEADER else 1 + _kind(packed[-1]) + 8 * _kind_before(packed[-2])
        value = decoder.number(context)
        if value > 255:
            raise ValueError("a byte above 255")
        packed.append(value)
    decoder.check_end()
    return _Unpacking(bytes(packed)).profile()


def write_profile(writer: BitWriter, profile: bytes) -> None:
    """Add a profile to a codestream: the header as differences, the rest as it is, in a flat code."""
    predicted = bytearray()
    for at in range(HEADER):
        predicted.append((profile[at] - _predicted_header(profile[:at], len(profile))[at]) & 255)
    rest = profile[HEADER:]
    commands = b"\0" + bytes((INSERT,)) + _varint(len(rest))  # no list of tags
    packed = _varint(len(profile)) + _varint(len(commands)) + commands + bytes(predicted) + rest
    writer.u64(len(packed))
    writer.u(0, 1)  # no copies
    writer.u(1, 1)  # a simple map of contexts, of
    writer.u(0, 2)  # no bits: one cluster
    writer.u(1, 1)  # a prefix code
    writer.u(8, 4)  # of which each symbol below 256 is a number
    writer.u(0, 8)
    writer.u(1, 1)
    writer.u(7, 4)
    writer.u(127, 7)  # 256 symbols
    writer.u(0, 2)  # lengths by a code that knows but one: 8, the eleventh in its order
    writer.u(0, 20)
    writer.u(1, 2)
    writer.u(0, 14)
    codes = packed.translate(REVERSED)
    writer.u(int.from_bytes(codes, "little"), 8 * len(codes))


def _varint(value: int) -> bytes:
    row = bytearray()
    while value > 127:
        row.append(value & 127 | 128)
        value >>= 7
    return bytes((*row, value))


def _kind(byte: int) -> int:
    """Return the kind of the byte before."""
    character = chr(byte)
    if character.isascii() and character.isalpha():
        return 0
    if (character.isascii() and character.isdigit()) or character in ".,":
        return 1
    if byte < 16:
        return {0: 2, 1: 3}.get(byte, 4)
    return 6 if byte == 255 else 5 if byte > 240 else 7


def _kind_before(byte: int) -> int:
    """Return the kind of the byte before the one before."""
    kind = _kind(byte)
    return kind if kind < 2 else 2 if byte < 16 else 3 if byte > 240 else 4


def _predicted_header(known: bytes, size: int) -> bytes:
    """Return the header of a profile of `size` bytes as it is predicted by what is known of it."""
    header = bytearray(HEADER)
    struct.pack_into(">I", header, 0, size & 0xFFFFFFFF)
    header[8] = 4
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = bytes.fromhex("0000f6d6000100000000d32d")
    if len(known) >= 8:
        header[80:84] = known[4:8]
    platform = known[40:42]
    if platform[:1] in (b"A", b"M"):
        header[41:44] = b"PPL" if platform[:1] == b"A" else b"SFT"
    if platform in (b"SG", b"SU"):
        header[42:44] = b"I " if platform == b"SG" else b"NW"
    return bytes(header)


class _Unpacking:
    """One pass over a packed profile: commands in one row, data in another."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self.at = 0
        self.size = self._number()
        length = self._number()
        self.commands_end = self.at + length
        self.data_at = self.commands_end
        if self.size > MAX_PACKED or self.commands_end > len(packed):
            raise ValueError("a profile with an impossible size")
        self.result = bytearray()

    def profile(self) -> bytes:
        for at in range(min(HEADER, self.size)):
            predicted = _predicted_header(bytes(self.result), self.size)[at] if at in PREDICTORS else self._base(at)
            self.result.append(predicted + self._data(1)[0] & 255)
        if len(self.result) < self.size:
            self._tags()
            while self.at < self.commands_end:
                self._command(self._byte())
                if len(self.result) > self.size:
                    raise ValueError("a profile longer than its stated size")
        if len(self.result) != self.size:
            raise ValueError("a profile shorter than its stated size")
        return bytes(self.result)

    def _base(self, at: int) -> int:
        if at < 80:
            return _predicted_header(b"", self.size)[at]
        return _predicted_header(bytes(self.result[:8]), self.size)[at]

    def _byte(self) -> int:
        if self.at >= self.commands_end:
            raise EOFError("the commands end early")
        self.at += 1
        return self.packed[self.at - 1]

    def _number(self) -> int:
        value = 0
        for shift in range(0, 63, 7):
            if self.at >= len(self.packed):
                raise EOFError("the profile ends early")
            byte = self.packed[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number that does not end")

    def _data(self, count: int) -> bytes:
        found = self.packed[self.data_at : self.data_at + count]
        if len(found) < count:
            raise EOFError("the data ends early")
        self.data_at += count
        return found

    def _tags(self) -> None:
        count = self._number()
        if not count:
            return
        self.result += struct.pack(">I", count - 1 & 0xFFFFFFFF)
        start, size = HEADER + (count - 1) * 12, 0
        while self.at < self.commands_end:
            command = self._byte()
            code = command & 63
            if not code:
                return
            tag = self._data(4) if code == 1 else b"rTRC" if code == 2 else b"rXYZ" if code == 3 else _known(code)
            start += size
            size = 20 if tag in OF_20_BYTES else size
            start = self._number() if command & 64 else start
            size = self._number() if command & 128 else size
            self._entry(tag, start, size)
            if code in (2, 3):
                for number, letter in enumerate(b"gb", 1):
                    self._entry(bytes((letter,)) + tag[1:], start + (number * size if code == 3 else 0), size)
            if len(self.result) > self.size:
                raise ValueError("more tags than the profile has room for")

    def _entry(self, tag: bytes, start: int, size: int) -> None:
        self.result += tag + struct.pack(">II", start & 0xFFFFFFFF, size & 0xFFFFFFFF)

    def _command(self, command: int) -> None:
        if command == INSERT:
            self.result += self._data(self._number())
        elif command in (SHUFFLE_2, SHUFFLE_4):
            self.result += _shuffled(self._data(self._number()), 2 if command == SHUFFLE_2 else 4)
        elif command == PREDICT:
            self._predict()
        elif command == XYZ:
            self.result += b"XYZ \0\0\0\0" + self._data(12)
        elif FIRST_TYPE <= command < FIRST_TYPE + len(TYPES):
            self.result += TYPES[command - FIRST_TYPE] + bytes(4)
        else:
            raise ValueError("an unknown command")

    def _predict(self) -> None:
        flags = self._byte()
        width, order = (flags & 3) + 1, flags >> 2 & 3
        stride = self._number() if flags & 16 else width
        if width == 3 or order == 3 or stride < width or stride * 4 >= len(self.result):
            raise ValueError("a prediction from too few values")
        count = self._number()
        data = self._data(count)
        data = data if width == 1 else _shuffled(data, width)
        result, start = self.result, len(self.result)
        for at in range(count):
            place = start + at - at % width
            before = [int.from_bytes(result[place - stride * n : place - stride * n + width], "big") for n in (1, 2, 3)]
            value = (before[0], 2 * before[0] - before[1], 3 * before[0] - 3 * before[1] + before[2])[order]
            predicted = value >> 8 * (width - 1 - at % width)
            result.append(predicted + data[at] & 255)


PREDICTORS = (41, 42, 43)  # bytes of the header that are predicted by those right before them


def _known(code: int) -> bytes:
    if code - 4 >= len(TAGS):
        raise ValueError("an unknown tag")
    return TAGS[code - 4]


def _shuffled(data: bytes, width: int) -> bytes:
    """Return bytes that were stored by their place in words of `width` as words."""
    rows = -(-len(data) // width)
    order = [at for first in range(rows) for at in range(first, len(data), rows)]
    return bytes(data[at] for at in order)
