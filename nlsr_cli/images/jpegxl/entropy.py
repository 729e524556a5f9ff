"""The entropy coding of JPEG XL (ISO/IEC 18181-1, annex C), as far as the profile of a codestream needs it: clustered
contexts, ANS or prefix codes, numbers with extra bits, and LZ77 without two dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nlsr_cli.images.jpegxl.bits import BitReader
from nlsr_cli.images.jpegxl.prefix import PrefixCode, bits_for, coded

PRECISION = 12  # bits of the probabilities of ANS
FINAL_STATE = 0x130000
# Annex C.2.5: the prefix code of the logarithms of counts, as (length, bits).
LOG_COUNTS = {
    (3, 0): 10, (3, 2): 7, (3, 4): 6, (3, 5): 8, (3, 6): 9, (4, 3): 3, (4, 7): 5, (4, 9): 4, (4, 11): 1, (4, 15): 2,
    (5, 17): 0, (6, 33): 11, (7, 1): 12, (7, 65): 13,
}  # fmt: skip
REPEATED = 13  # the logarithm of a count that stands for a run


class Code(Protocol):
    """What yields symbols."""

    def read(self, reader: BitReader, state: list[int]) -> int:
        """Return the next symbol; `state` is that of ANS."""
        ...


@dataclass(frozen=True)
class Hybrid:
    """How a symbol stands for a number: small ones for themselves, others for their highest and lowest bits (C.3.3)."""

    split: int
    high: int
    low: int

    def value(self, token: int, reader: BitReader) -> int:
        """Return the number, whose other bits are read."""
        if token < 1 << self.split:
            return token
        fixed = self.high + self.low
        count = self.split - fixed + ((token - (1 << self.split)) >> fixed)
        if count > 32:
            raise ValueError("a number with too many bits")
        lowest = token & (1 << self.low) - 1
        token >>= self.low
        highest = 1 << self.high | token & (1 << self.high) - 1
        return (highest << count | reader.u(count)) << self.low | lowest


@dataclass(frozen=True)
class Copies:
    """The parameters of LZ77: which symbols are lengths of copies."""

    first: int
    shortest: int
    lengths: Hybrid


class Decoder:
    """Decodes numbers, each in a context, of which there are `contexts`.

    Raises:
        EOFError, ValueError: the codes are cut off, or make no sense.
    """

    def __init__(self, reader: BitReader, contexts: int, *, nested: bool = False) -> None:
        self.reader = reader
        self.copies: Copies | None = None
        if reader.flag():
            if nested:
                raise ValueError("copies inside a nested context map")
            first = reader.u32(((0, 224), (0, 512), (0, 4096), (15, 8)))
            shortest = reader.u32(((0, 3), (0, 4), (2, 5), (8, 9)))
            self.copies = Copies(first, shortest, _hybrid(reader, 8))
            contexts += 1
        self.clusters = _context_map(reader, contexts) if contexts > 1 else [0]
        number = max(self.clusters) + 1
        prefix = reader.flag()
        log_size = 15 if prefix else 5 + reader.u(2)
        self.hybrids = [_hybrid(reader, log_size) for _ in range(number)]
        self.codes: list[Code] = []
        if prefix:
            sizes = [1 + _short(reader, 4) for _ in range(number)]
            self.codes = [PrefixCode(reader, size) for size in sizes]
        else:
            self.codes = [AnsCode(_counts(reader), log_size) for _ in range(number)]
        self.state = [FINAL_STATE if prefix else reader.u(32)]
        self.seen: list[int] = []
        self.left, self.source = 0, 0

    def number(self, context: int) -> int:
        """Return the next number."""
        if self.left:
            self.left -= 1
            self.source += 1
            value = self.seen[self.source - 1]
        else:
            cluster = self.clusters[context]
            token = self.codes[cluster].read(self.reader, self.state)
            if self.copies is not None and token >= self.copies.first:
                return self._copied(self.copies, token)
            value = self.hybrids[cluster].value(token, self.reader)
        if self.copies is not None:
            self.seen.append(value)
        return value

    def _copied(self, copies: Copies, token: int) -> int:
        length = copies.lengths.value(token - copies.first, self.reader) + copies.shortest
        cluster = self.clusters[-1]
        distance = 1 + self.hybrids[cluster].value(self.codes[cluster].read(self.reader, self.state), self.reader)
        if not self.seen:
            raise ValueError("a copy before any number")
        self.source, self.left = len(self.seen) - min(distance, len(self.seen)), length
        return self.number(0)

    @property
    def is_flat(self) -> bool:
        """Say whether each number is a byte, whose bits stand there in reverse."""
        code, hybrid = self.codes[0], self.hybrids[0]
        plain = isinstance(code, PrefixCode) and code.is_flat and hybrid.split >= 8
        return self.copies is None and len(self.codes) == 1 and plain

    def check_end(self) -> None:
        """Refuse a stream that does not end as it must.

        Raises:
            ValueError: the state of ANS is not its last one.
        """
        if self.state[0] != FINAL_STATE:
            raise ValueError("the entropy code ends wrongly")


def _hybrid(reader: BitReader, log_size: int) -> Hybrid:
    split = reader.u(bits_for(log_size + 1))
    if split == log_size:
        return Hybrid(split, 0, 0)
    high = reader.u(bits_for(split + 1))
    if high > split:
        raise ValueError("too many bits in a symbol")
    low = reader.u(bits_for(split - high + 1))
    if high + low > split:
        raise ValueError("too many bits in a symbol")
    return Hybrid(split, high, low)


def _short(reader: BitReader, width: int) -> int:
    """Return a number that is mostly small: 3 bits of length for 8, 4 for 16."""
    if not reader.flag():
        return 0
    count = reader.u(width)
    return (1 << count) + reader.u(count)


def _context_map(reader: BitReader, contexts: int) -> list[int]:
    if reader.flag():
        bits = reader.u(2)
        return [reader.u(bits) for _ in range(contexts)]
    moved = reader.flag()
    inner = Decoder(reader, 1, nested=contexts <= 2)
    found = [inner.number(0) for _ in range(contexts)]
    inner.check_end()
    if any(value > 255 for value in found):
        raise ValueError("too many clusters")
    if moved:
        row = list(range(256))
        for at, index in enumerate(found):
            found[at] = row[index]
            row.insert(0, row.pop(index))
    return found


def _counts(reader: BitReader) -> list[int]:
    """Return the distribution of symbols, in parts of 4096."""
    whole = 1 << PRECISION
    if reader.flag():
        symbols = [_short(reader, 3) for _ in range(1 + reader.u(1))]
        counts = [0] * (max(symbols) + 1)
        counts[symbols[0]] = whole if len(symbols) == 1 else reader.u(PRECISION)
        if len(symbols) == 2:
            if symbols[0] == symbols[1]:
                raise ValueError("a symbol occurs twice")
            counts[symbols[1]] = whole - counts[symbols[0]]
        return counts
    if reader.flag():
        size = 1 + _short(reader, 3)
        share, rest = divmod(whole, size)
        return [share + (at < rest) for at in range(size)]
    return _stated_counts(reader, whole)


def _stated_counts(reader: BitReader, whole: int) -> list[int]:
    length = 0
    while length < 3 and reader.flag():
        length += 1
    shift = (reader.u(length) | 1 << length) - 1
    if shift > PRECISION + 1:
        raise ValueError("a shift too large")
    size = _short(reader, 3) + 3
    logs, runs, at = [0] * size, dict[int, int](), 0
    while at < size:
        logs[at] = coded(reader, LOG_COUNTS)
        if logs[at] == REPEATED:
            runs[at] = _short(reader, 3) + 4
            at += runs[at]
        else:
            at += 1
    stated = [(log, -at) for at, log in enumerate(logs) if log != REPEATED]
    largest, place = max(stated, default=(0, 0))
    if not largest or logs[min(1 - place, size - 1)] == REPEATED:
        raise ValueError("no largest count")
    return _filled(reader, logs, runs, -place, shift, whole)


def _filled(
    reader: BitReader, logs: list[int], runs: dict[int, int], omitted: int, shift: int, whole: int
) -> list[int]:
    """Return counts by their logarithms, with their other bits read; what is `omitted` is the rest of the whole."""
    counts, at = [0] * len(logs), 0
    while at < len(logs):
        if at in runs:
            value = counts[at - 1] if at else 0
            stop = min(at + runs[at], len(logs))
            counts[at:stop] = [value] * (stop - at)
            at = stop
            continue
        log = logs[at] - 1
        if at != omitted and log >= 0:
            bits = max(0, min(log, shift - ((PRECISION - log) >> 1)))
            counts[at] = (1 << log) + (reader.u(bits) << (log - bits))
        at += 1
    counts[omitted] = whole - sum(counts)
    if counts[omitted] <= 0:
        raise ValueError("counts that exceed the total")
    return counts


class AnsCode:
    """Symbols by ANS, with an alias table (C.2.6)."""

    def __init__(self, counts: list[int], log_size: int) -> None:
        while counts and not counts[-1]:
            counts.pop()
        size, self.shift = 1 << log_size, PRECISION - log_size
        if len(counts) > size:
            raise ValueError("too many symbols")
        share = 1 << self.shift
        counts += [0] * (size - len(counts))
        self.counts = counts
        whole = next((at for at, count in enumerate(counts) if count == 1 << PRECISION), None)
        if whole is not None:
            self.cutoffs, self.right = [0] * size, [whole] * size
            self.offsets = [share * at for at in range(size)]
            return
        self.cutoffs, self.right, self.offsets = list(counts), list(range(size)), [0] * size
        self._share_out(share)

    def _share_out(self, share: int) -> None:
        cutoffs = self.cutoffs
        over = [at for at, cutoff in enumerate(cutoffs) if cutoff > share]
        under = [at for at, cutoff in enumerate(cutoffs) if cutoff < share]
        while over:
            giver, taker = over.pop(), under.pop()
            cutoffs[giver] -= share - cutoffs[taker]
            self.right[taker], self.offsets[taker] = giver, cutoffs[giver]
            if cutoffs[giver] < share:
                under.append(giver)
            elif cutoffs[giver] > share:
                over.append(giver)
        for at, cutoff in enumerate(cutoffs):
            if cutoff == share:
                self.right[at], self.offsets[at], cutoffs[at] = at, 0, 0
            else:
                self.offsets[at] -= cutoff

    def read(self, reader: BitReader, state: list[int]) -> int:
        """Return the next symbol."""
        now = state[0]
        index, place = (now & (1 << PRECISION) - 1) >> self.shift, now & (1 << self.shift) - 1
        if place >= self.cutoffs[index]:
            symbol, place = self.right[index], self.offsets[index] + place
        else:
            symbol = index
        now = self.counts[symbol] * (now >> PRECISION) + place
        state[0] = now << 16 | reader.u(16) if now < 1 << 16 else now
        return symbol
