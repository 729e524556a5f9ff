"""What the ledgers of a folder say of its outputs, and what of that is true: done, failed, missing, changed, different.

Nothing is written, and nobody is waited for: it can be asked at any time, on any machine that sees the folder.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nlsr_cli import deepzoom
from nlsr_cli.batch.fingerprint import different
from nlsr_cli.batch.ledger import FAILED, Entry, digest_at, parse, read_all, time_of, values_of
from nlsr_cli.batch.ledgers import SHARD, ledgers_in, origin_at, shard_of
from nlsr_cli.batch.sharing import holders_in
from nlsr_cli.errors import ExitCode, ImageReadError, NlsrError, OptionError
from nlsr_cli.shards import Shard

Decode = Callable[[Path, Mapping[str, Any]], None]
DONE, WRONG = "done", ("failed", "missing", "changed", "different", "damaged")
OF_PICTURE = frozenset({"height", "width", "stages"})  # options that follow from the picture


@dataclass(frozen=True)
class Finding:
    """One picture: `status` is done or one of `WRONG`, `reason` says why. A picture that failed may have no output."""

    status: str
    source: str
    output: Path | None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values, for one line of `--json`."""
        output = None if self.output is None else str(self.output)
        return {"source": self.source, "output": output, "status": self.status, "reason": self.reason or None}


@dataclass
class Writer:
    """One ledger: who writes it, how many pictures it is to do, if it says so, and what it says of them."""

    ledger: Path
    pictures: int | None = None
    done: int = 0
    failed: int = 0
    last: float = 0.0  # when it was added to, in seconds since 1970

    @property
    def shard(self) -> Shard | None:
        """Return the shard that writes it; None of the common one."""
        return shard_of(self.ledger.name)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        numbers = {"pictures": self.pictures, "done": self.done, "failed": self.failed}
        shard = None if self.shard is None else str(self.shard)
        return {"ledger": str(self.ledger), "shard": shard, **numbers, "last": self.last or None}


@dataclass
class _Output:
    """An output and the lines about it, in order of time; `source` is that of the last one."""

    path: Path
    entries: list[Entry] = field(default_factory=list)
    source: str = ""
    is_done: bool = False  # a line says that it had its name


class Review:
    """Reads the ledgers of a folder and its subfolders.

    `writers` are the ledgers, `working` what the claims of processes say that are at work now.

    Args:
        folder: where outputs are.

    Raises:
        OptionError: it is no folder, or has no ledger.
        NlsrError: a ledger cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise OptionError(f"{folder} is not a folder", "Name the folder that was given after -o.")
        self.writers: list[Writer] = []
        self.working: list[dict[str, Any]] = []
        self._outputs: dict[Path, _Output] = {}
        self._failures: dict[str, tuple[float, Finding]] = {}
        self._successes: dict[str, float] = {}
        for base, folders, _ in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in ledgers_in(Path(base)):
                self._read(Path(base) / name)
            self.working += [{**said, "output": str(Path(base) / said["output"])} for said in holders_in(Path(base))]
        if not self.writers:
            raise OptionError(
                f"{folder} has no ledger", "A folder gets one when nlsr enlarges folders, patterns or lists."
            )

    def __len__(self) -> int:
        return len(self._outputs)

    def findings(
        self, *, hashes: bool, decode: Decode | None = None, on_look: Callable[[int], None] = lambda _: None
    ) -> list[Finding]:
        """Return what became of each picture: first those that failed, then the outputs, each in order.

        Args:
            hashes: whether the bytes of outputs are read and compared; else only sizes are.
            decode: called with each output that is as it should be and its options, to decode it.
            on_look: called with the number of outputs that were looked at.
        """
        failed = [finding for path, (time, finding) in self._failures.items() if time > self._successes.get(path, 0.0)]
        known = {finding.output for finding in failed}
        found, entries = [], []
        for output in self._outputs.values():
            if output.path in known:
                continue
            finding, entry = _compared(output, hashes=hashes)
            if entry is not None and decode is not None:
                finding = _decoded(finding, output.path, entry, decode)
            found.append(finding)
            entries.append(entry)
            on_look(len(found))
        usual = _Usual(list(zip(found, entries, strict=True)))
        judged = [usual.judge(finding, entry) for finding, entry in zip(found, entries, strict=True)]
        return [*sorted(failed, key=lambda each: each.source), *sorted(judged, key=lambda each: str(each.output))]

    def _read(self, path: Path) -> None:
        writer, lasting = Writer(path), {}
        try:
            for line in read_all(path):
                values = values_of(line)
                writer.last = max(writer.last, time_of(values))
                if values.get("state") == SHARD:
                    pictures = values.get("pictures")
                    writer.pictures = pictures if isinstance(pictures, int) else None
                elif values.get("state") == FAILED:
                    lasting[self._fail(path.parent, values)] = "failed"
                elif (entry := parse(line)) is not None:
                    self._enter(path.parent, values, entry)
                    if values.get("state") == DONE:
                        lasting[origin_at(path.parent, entry.origin)] = DONE
        except OSError as exc:
            hint = "Ask again when it can be read: what is in it is not known until then."
            raise NlsrError(f"the ledger {path} cannot be read: {(exc.strerror or str(exc)).lower()}", hint) from exc
        counts = Counter(lasting.values())
        writer.done, writer.failed = counts[DONE], counts["failed"]
        self.writers.append(writer)

    def _fail(self, folder: Path, values: Mapping[str, Any]) -> str:
        origin, source = origin_at(folder, str(values.get("origin"))), str(values.get("source"))
        name, error = values.get("output"), values.get("error")
        output = folder / name if isinstance(name, str) else None
        reason = str(error.get("message")) if isinstance(error, dict) else ""
        finding = Finding("failed", source, output, reason.removeprefix(f"{source}: "))
        if time_of(values) >= self._failures.get(origin, (0.0, finding))[0]:
            self._failures[origin] = time_of(values), finding
        return origin

    def _enter(self, folder: Path, values: Mapping[str, Any], entry: Entry) -> None:
        output = self._outputs.setdefault(folder / entry.output, _Output(folder / entry.output))
        output.entries = sorted([*output.entries, entry], key=lambda each: each.time)
        output.source = str(values.get("source"))
        if values.get("state") == DONE:
            output.is_done = True
            origin = origin_at(folder, entry.origin)
            self._successes[origin] = max(entry.time, self._successes.get(origin, 0.0))


def _compared(output: _Output, *, hashes: bool) -> tuple[Finding, Entry | None]:
    """Return whether an output is as the ledger says, and the entry that it is true to."""
    path, entries = output.path, output.entries[::-1]

    def wrong(status: str, reason: str) -> tuple[Finding, None]:
        return Finding(status, output.source, path, reason), None

    try:
        size = path.lstat().st_size if path.is_file() and not path.is_symlink() else -1
    except OSError as exc:
        return wrong("missing", (exc.strerror or str(exc)).lower())
    if size < 0 and not os.path.lexists(path):
        return wrong("missing", "it is not there" if output.is_done else "it was begun and never finished")
    entry = next((each for each in entries if each.size == size), None)
    if entry is not None and hashes:
        digest = digest_at(path, {size})
        entry = next((each for each in entries if each.sha256 == digest), None)
    if entry is None:
        return wrong("changed", "its bytes are not those that nlsr wrote")
    if path.suffix.lower() == deepzoom.SUFFIX and not (
        deepzoom.is_whole(path) if hashes else deepzoom.folder_of(path).is_dir()
    ):
        return wrong("changed", "its tiles are not those that nlsr wrote")
    return Finding(DONE, output.source, path), entry


def _decoded(finding: Finding, output: Path, entry: Entry, decode: Decode) -> Finding:
    try:
        decode(output, json.loads(entry.options or "{}"))
    except ImageReadError as error:
        return replace(finding, status="damaged", reason=error.reason)
    return finding


class _Usual:
    """What most outputs of a folder were made with, and of as many, the latest: models, and options for each format.

    Models are told apart by their scale, as pictures of different sizes take different ways.
    """

    def __init__(self, found: list[tuple[Finding, Entry | None]]) -> None:
        weights: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        options: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        for finding, entry in found:
            if finding.status == DONE and entry is not None:
                for stage, digest in _weights(entry).items():
                    weights[stage].append((entry.time, digest))
                options[_kind(finding)].append((entry.time, _options(entry)))
        self._weights = {stage: _most(values) for stage, values in weights.items()}
        self._options = {kind: _most(values) for kind, values in options.items()}

    def judge(self, finding: Finding, entry: Entry | None) -> Finding:
        """Return what became of an output, where it is as it was written: whether it is like the others."""
        if finding.status != DONE or entry is None:
            return finding
        if any(self._weights[stage] != digest for stage, digest in _weights(entry).items()):
            return replace(finding, status="different", reason="made by another model than the others")
        usual, own = (json.loads(text) for text in (self._options[_kind(finding)], _options(entry)))
        if names := different(own, usual):
            reason = f"made with other options than the others ({', '.join(names)})"
            return replace(finding, status="different", reason=reason)
        return finding


def _most(values: list[tuple[float, str]]) -> str:
    counts, last = Counter(value for _, value in values), {value: time for time, value in sorted(values)}
    return max(counts, key=lambda value: (counts[value], last[value]))


def _kind(finding: Finding) -> str:
    return finding.output.suffix.lower() if finding.output else ""


def _weights(entry: Entry) -> dict[str, str]:
    """Return the SHA-256 of the weights that an output went through, by the scale of the network."""
    stages = json.loads(entry.options or "{}").get("stages")
    scales = list(dict.fromkeys(map(str, stages))) if isinstance(stages, list) else []
    if len(scales) != len(entry.weights):  # of what has no one size, such as a book: those that it might need
        scales = [f"any {place}" for place in range(len(entry.weights))]
    return dict(zip(scales, entry.weights, strict=True))


def _options(entry: Entry) -> str:
    """Return the options that do not follow from the picture, as the text of a JSON object."""
    options = json.loads(entry.options or "{}")
    return json.dumps({name: value for name, value in options.items() if name not in OF_PICTURE}, sort_keys=True)


def exit_code_of(counts: Mapping[str, int]) -> ExitCode:
    """Return 0 where all is as it should be, else 3."""
    return ExitCode.PARTIAL if any(counts.get(status) for status in WRONG) else ExitCode.OK
