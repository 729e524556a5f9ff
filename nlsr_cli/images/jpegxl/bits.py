"""The bits of a JPEG XL codestream, the lowest of a byte first, and numbers made of them (ISO/IEC 18181-1, annex B)."""

from __future__ import annotations

from collections.abc import Sequence

Choices = Sequence[tuple[int, int]]  # of a U32: (bits, offset) for each of its four selectors


class BitReader:
    """Reads numbers from bytes, from a place on.

    Raises:
        EOFError: the bytes end.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.place = at * 8  # in bits

    def u(self, count: int) -> int:
        """Return a number of `count` bits."""
        first, shift = self.place >> 3, self.place & 7
        last = (self.place + count + 7) >> 3
        if last > len(self.data):
            raise EOFError("the codestream ends early")
        self.place += count
        return int.from_bytes(self.data[first:last], "little") >> shift & (1 << count) - 1

    def flag(self) -> bool:
        """Return one bit."""
        return bool(self.u(1))

    def u32(self, choices: Choices) -> int:
        """Return a number of one of four lengths."""
        bits, offset = choices[self.u(2)]
        return offset + self.u(bits)

    def u64(self) -> int:
        """Return a number of up to 64 bits."""
        selector = self.u(2)
        if selector < 3:
            return (0, 1, 17)[selector] + self.u((0, 4, 8)[selector])
        value, shift = self.u(12), 12
        while self.flag():
            if shift == 60:
                return value | self.u(4) << shift
            value |= self.u(8) << shift
            shift += 8
        return value

    def enum(self) -> int:
        """Return a number that stands for a name."""
        return self.u32(((0, 0), (0, 1), (4, 2), (6, 18)))

    def align(self) -> None:
        """Go on to the next whole byte."""
        self.place = (self.place + 7) & ~7


class BitWriter:
    """Collects bits."""

    def __init__(self) -> None:
        self.value = 0
        self.length = 0

    def u(self, value: int, count: int) -> None:
        """Add a number of `count` bits."""
        self.value |= value << self.length
        self.length += count

    def copy(self, reader: BitReader, start: int, stop: int) -> None:
        """Add the bits between two places of a reader."""
        inner = BitReader(reader.data)
        inner.place = start
        while inner.place < stop:
            count = min(stop - inner.place, 4096)
            self.u(inner.u(count), count)

    def u64(self, value: int) -> None:
        """Add a number of less than 2**64."""
        if value == 0:
            self.u(0, 2)
            return
        self.u(3, 2)
        self.u(value & 0xFFF, 12)
        value >>= 12
        shift = 12
        while value:
            self.u(1, 1)
            width = 4 if shift == 60 else 8
            self.u(value & (1 << width) - 1, width)
            value >>= width
            shift += width
            if width == 4:
                return
        self.u(0, 1)

    def bytes(self) -> bytes:
        """Return the bits as whole bytes."""
        return self.value.to_bytes((self.length + 7) // 8, "little")
