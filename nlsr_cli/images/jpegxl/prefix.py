"""Prefix codes of JPEG XL, stored as Brotli stores them (RFC 7932, 3.4 and 3.5)."""

from __future__ import annotations

from nlsr_cli.images.jpegxl.bits import BitReader

MAX_LENGTH = 15
# The code of the lengths of code lengths, as (length, bits), and the order in which these are stored.
LENGTH_LENGTHS = {(2, 0): 0, (2, 1): 4, (2, 2): 3, (3, 3): 2, (4, 7): 1, (4, 15): 5}
LENGTH_ORDER = (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)


def bits_for(count: int) -> int:
    """Return the bits that `count` values take."""
    return (count - 1).bit_length()


def coded(reader: BitReader, table: dict[tuple[int, int], int]) -> int:
    """Return a value of a short prefix code."""
    bits = 0
    for length in range(1, 8):
        bits |= reader.u(1) << (length - 1)
        if (length, bits) in table:
            return table[length, bits]
    raise ValueError("no such code")


class PrefixCode:
    """Symbols by a prefix code, stored as Brotli does (RFC 7932, 3.4 and 3.5)."""

    def __init__(self, reader: BitReader, size: int) -> None:
        self.single: int | None = None
        self.table: dict[tuple[int, int], int] = {}
        if size == 1:
            self.single = 0
            return
        kind = reader.u(2)
        lengths = self._simple(reader, size) if kind == 1 else self._complex(reader, size, kind)
        self._assign(lengths)

    @property
    def is_flat(self) -> bool:
        """Say whether it is that of bytes which are all alike."""
        return self.table.keys() == {(8, bits) for bits in range(256)}

    def _simple(self, reader: BitReader, size: int) -> dict[int, int]:
        count = reader.u(2) + 1
        symbols = [reader.u(bits_for(size)) for _ in range(count)]
        if len(set(symbols)) != count or max(symbols) >= size:
            raise ValueError("a symbol that occurs twice, or lies beyond the last")
        lengths = {1: (0,), 2: (1, 1), 3: (1, 2, 2), 4: (2, 2, 2, 2)}[count]
        if count == 4 and reader.flag():
            lengths = (1, 2, 3, 3)
        return dict(zip(symbols, lengths, strict=True))

    def _complex(self, reader: BitReader, size: int, skipped: int) -> dict[int, int]:
        outer, space = {}, 32
        for symbol in LENGTH_ORDER[skipped:]:
            length = coded(reader, LENGTH_LENGTHS)
            if length:
                outer[symbol] = length
                space -= 32 >> length
            if space <= 0:
                break
        if not outer or (len(outer) > 1 and space):
            raise ValueError("an invalid code of lengths")
        inner = PrefixCode.__new__(PrefixCode)
        inner.single, inner.table = None, {}
        inner._assign(dict.fromkeys(outer, 0) if len(outer) == 1 else outer)
        return _run_lengths(reader, inner, size)

    def _assign(self, lengths: dict[int, int]) -> None:
        """Give codes to symbols by their lengths, the shortest first, then in their order."""
        if len(lengths) == 1:
            self.single = next(iter(lengths))
            return
        code, before = 0, 0
        for length, symbol in sorted((length, symbol) for symbol, length in lengths.items()):
            code <<= length - before
            before = length
            reversed_bits = int(f"{code:0{length}b}"[::-1], 2)
            self.table[length, reversed_bits] = symbol
            code += 1
        if code != 1 << before:
            raise ValueError("a prefix code with gaps")

    def read(self, reader: BitReader, state: list[int] | None = None) -> int:
        """Return the next symbol."""
        if self.single is not None:
            return self.single
        bits = 0
        for length in range(1, MAX_LENGTH + 1):
            bits |= reader.u(1) << (length - 1)
            if (length, bits) in self.table:
                return self.table[length, bits]
        raise ValueError("no such code")


def _run_lengths(reader: BitReader, code: PrefixCode, size: int) -> dict[int, int]:
    """Return the lengths of the codes of symbols, of which runs are stored short (RFC 7932, 3.5)."""
    lengths: list[int] = []
    space, last, run, repeated = 1 << MAX_LENGTH, 8, 0, 0
    while len(lengths) < size and space > 0:
        symbol = code.read(reader)
        if symbol < 16:
            lengths.append(symbol)
            run = 0
            if symbol:
                last = symbol
                space -= 1 << MAX_LENGTH >> symbol
            continue
        extra = 2 if symbol == 16 else 3
        value = last if symbol == 16 else 0
        if repeated != value or not run:
            run, repeated = 0, value
        before = run
        run = (run - 2 << extra if run else 0) + 3 + reader.u(extra)
        added = run - before
        if len(lengths) + added > size:
            raise ValueError("more lengths than symbols")
        lengths += [value] * added
        space -= added * (1 << MAX_LENGTH >> value) if value else 0
    if space:
        raise ValueError("a prefix code with gaps")
    return {symbol: length for symbol, length in enumerate(lengths) if length}
