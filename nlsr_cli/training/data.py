"""Which photographs a run learns from, and which ones it is measured on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import lcm
from pathlib import Path

from nlsr_cli.batch.inputs import Sources, find_sources
from nlsr_cli.batch.passed import Reason
from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.images import Pixels, crop_to_multiple, reduce_bicubic
from nlsr_cli.options import OutputOptions, counted
from nlsr_cli.training.folder import CURVE_NAME
from nlsr_cli.training.photos import Loaded, OnPhoto, Pair, ReadPhotograph, load_pairs, read_photograph, reduced
from nlsr_cli.training.plan import Plan

HELD_OUT = 20  # one photograph in so many is held back
MOST_HELD_OUT = 16
HELD_OUT_SIDE = 256  # pixels of the part of it that is measured: a look at each run of hundreds must not take long
LEAST_MEASURED = 3  # low-resolution pixels on a side; the border that is cut takes one on each


@dataclass
class Data:
    """The photographs of a run, by scale, and what was passed over on the way to them.

    `fingerprint` tells two sets of photographs apart by all their pixels. `shared` counts the pictures to measure on
    that are learned from too, pixel for pixel.
    """

    training: dict[int, list[Pair]]
    validation: dict[int, list[Pair]]
    fingerprint: str
    held_out: bool  # whether the validation pictures were taken out of the photographs
    shared: int = 0
    unreadable: list[ImageReadError] = field(default_factory=list)
    small: list[Path] = field(default_factory=list)
    passed_over: list[tuple[Reason, list[Path]]] = field(default_factory=list)

    @property
    def photographs(self) -> list[Pixels]:
        """Return the pictures to learn from, (h, w, 3) uint8."""
        return [pair.hr for pair in next(iter(self.training.values()), [])]

    @property
    def measured(self) -> int:
        """Return the number of pictures to measure on."""
        return len(next(iter(self.validation.values()), []))

    @property
    def megapixels(self) -> float:
        """Return how much there is to learn from, in millions of pixels."""
        return float(sum(hr.shape[0] * hr.shape[1] for hr in self.photographs)) / 1e6


def gather(plan: Plan, on_photo: OnPhoto | None = None, read: ReadPhotograph = read_photograph) -> Data:
    """Read all photographs of a run. Those that cannot be read or are too small for a patch are passed over.

    Raises:
        OptionError: there are none, or too few to hold some back.
    """
    sources, others = find_photographs(plan)  # a mistake is told before reading
    scale, multiple = max(plan.scales), lcm(*plan.scales)
    loaded = load_pairs(
        _files(sources), scale, multiple=multiple, least=plan.recipe.patch, on_photo=on_photo, read=read
    )
    if loaded.unreadable and not (loaded.pairs or loaded.small):
        first = loaded.unreadable[0]
        raise OptionError(f"none of {counted(len(sources.files), 'file')} can be read; {first.message}", first.hint)
    if not loaded.pairs:
        side = plan.recipe.patch * scale
        raise OptionError(
            f"none of {counted(len(sources.files), 'file')} is a photograph of at least {side} pixels on each side",
            "Give larger photographs, or a smaller --patch.",
        )
    if others is None:
        training, validation, shared = _split(loaded, scale, multiple)
        passed_over = _passed_over(sources)
    else:
        training, validation = loaded.pairs, _measured(plan, others, loaded, read)
        shared = _shared(validation, training)
        passed_over = _passed_over(sources) + _passed_over(others)
    fingerprint = _digest([*training, *validation])
    sets = [
        {each: pairs if each == scale else reduced(pairs, each) for each in plan.scales}
        for pairs in (training, validation)
    ]
    return Data(sets[0], sets[1], fingerprint, others is None, shared, loaded.unreadable, loaded.small, passed_over)


def find_photographs(plan: Plan) -> tuple[Sources, Sources | None]:
    """Return the pictures to learn from, and those to measure on where the plan names them; none is read.

    Raises:
        OptionError: there are none, or one does not exist.
    """
    return _pictures(plan.data, plan), None if plan.validation is None else _pictures([plan.validation], plan)


def _pictures(places: Sequence[str], plan: Plan) -> Sources:
    """Return the pictures in `places`; the folder of the run, which may lie among them, is not looked into."""
    out = os.path.realpath(plan.out)
    for each in places:
        if os.path.realpath(each) == out:
            raise OptionError(
                f"{each} holds the photographs and cannot be the folder of the run", "Name another --out."
            )
    found = find_sources(places, OutputOptions(target=plan.out, recursive=plan.recursive))
    curve = Path(out, CURVE_NAME)  # a pattern may lead to it
    found.files = [(path, root) for path, root in found.files if Path(os.path.realpath(path)) != curve]
    if found.unreadable and not found.files:
        folder, why = found.unreadable[0]
        raise OptionError(f"{folder} cannot be read: {why}", "Check its permissions.")
    if not found.files:
        hint = (
            "Give folders that directly hold pictures."
            if plan.recursive
            else "Use --recursive to look into subfolders."
        )
        raise OptionError(f"there are no pictures in {', '.join(places)}", hint)
    missing = next((path for path in _files(found) if not os.path.lexists(path)), None)
    if missing is not None:
        raise OptionError(f"{missing} does not exist", "Give folders or files with photographs.")
    return found


def _passed_over(sources: Sources) -> list[tuple[Reason, list[Path]]]:
    return [*sources.passed.reasons(), (("folder", "unreadable"), [path for path, _ in sources.unreadable])]


def _files(sources: Sources) -> list[Path]:
    return [path for path, _ in sources.files]


def _measured(plan: Plan, sources: Sources, loaded: Loaded, read: ReadPhotograph) -> list[Pair]:
    """Return the pictures of the validation folder; one that cannot be used is told with the others."""
    found = load_pairs(_files(sources), max(plan.scales), multiple=lcm(*plan.scales), least=LEAST_MEASURED, read=read)
    loaded.unreadable += found.unreadable
    loaded.small += found.small
    if not found.pairs:
        raise OptionError(
            f"there are no validation pictures in {plan.validation}", "Give another folder after --validation."
        )
    return found.pairs


def _split(loaded: Loaded, scale: int, multiple: int) -> tuple[list[Pair], list[Pair], int]:
    """Return photographs to learn from, the middles of others, and how many of these others are learned from too.

    The others are the first of every 20, or of more than 320, 16.
    """
    count = len(loaded.pairs)
    if count == 1:
        raise OptionError(
            "one photograph is not enough: some are held back for validation",
            "Give more photographs, or validation pictures with --validation FOLDER.",
        )
    chosen = range(0, count, max(HELD_OUT, -(-count // MOST_HELD_OUT)))
    training = [pair for index, pair in enumerate(loaded.pairs) if index not in chosen]
    held_back = [loaded.pairs[index] for index in chosen]
    return training, [_middle(pair, scale, multiple) for pair in held_back], _shared(held_back, training)


def _shared(measured: Sequence[Pair], training: Sequence[Pair]) -> int:
    """Return how many of the pictures to measure on are among those that are learned from, pixel for pixel."""
    sizes = {pair.hr.shape for pair in measured}
    known = {_digest([pair]) for pair in training if pair.hr.shape in sizes}
    return sum(_digest([pair]) in known for pair in measured)


def _middle(pair: Pair, scale: int, multiple: int) -> Pair:
    """Return the middle of a photograph, reduced on its own, so that its border is like any picture's."""
    height, width = pair.hr.shape[:2]
    rows, columns = min(height, HELD_OUT_SIDE), min(width, HELD_OUT_SIDE)
    top, left = (height - rows) // 2, (width - columns) // 2
    hr = crop_to_multiple(pair.hr[top : top + rows, left : left + columns], multiple).copy()
    return Pair(hr, reduce_bicubic(hr, scale))


def _digest(pairs: Iterable[Pair]) -> str:
    """Return a digest of the sizes and pixels of photographs, in order."""
    digest = hashlib.blake2b(digest_size=16)
    for pair in pairs:
        digest.update(repr(pair.hr.shape).encode())
        digest.update(pair.hr.tobytes())
    return digest.hexdigest()
