"""What a run saves to go on from: everything that state.pt holds, and the rows of log.csv."""

from __future__ import annotations

import csv
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from io import BytesIO, StringIO
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nlsr_cli.errors import RunFolderError, TrainingDiverged
from nlsr_cli.zoo.source import RUN_STATE

FORMAT = 3  # of state.pt; raised when what it holds changes
READABLE = (2, FORMAT)  # 2 knew of no export before the end
READ_HINT = "Check its permissions and the disk."
NEW_HINT = "Start a new run in another folder."


@dataclass(frozen=True)
class Row:
    """One line of log.csv, written at each validation.

    `seconds` of the run so far; `loss` is the mean since the row before; `psnr` in dB of the averaged weights; `rate`
    is the learning rates' share of their peaks; `steps_per_second` of training alone.
    """

    step: int
    seconds: float
    loss: float
    psnr: float
    rate: float
    steps_per_second: float


@dataclass
class Saved:
    """Everything that a run must keep, beside its own weights in `trainer`.

    `photographs` is their fingerprint, `origin` the fields of the model that was continued. `due` is where the next
    validation is, in steps or seconds as the budget. `losses` is the sum since the last row of those that were read,
    and `read` the number of the step when that was. `best` holds the weights of the network of each scale, by name,
    with the best validation, which is `rows[best_row]`; `rows[exported_row]` is that of the exported model, if any is.
    """

    choices: dict[str, Any]
    photographs: str = ""
    origin: tuple[str, ...] = ()
    trainer: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    due: float = 0.0
    losses: float = 0.0
    read: int = 0
    rows: list[Row] = field(default_factory=list)
    best: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    best_row: int = -1
    exported_row: int = -1

    @property
    def last_step(self) -> int:
        """Return the step of the last validation, 0 before the first."""
        return self.rows[-1].step if self.rows else 0

    @property
    def gain(self) -> float:
        """Return the dB that the best validation has risen by since the last export; all there are before the first."""
        if self.exported_row < 0:
            return inf
        return self.rows[self.best_row].psnr - self.rows[self.exported_row].psnr

    def encode(self) -> bytes:
        """Return the content of state.pt.

        Raises:
            TrainingDiverged: a value is not finite.
        """
        if not _finite(self.trainer):
            raise TrainingDiverged(self.trainer["steps"])
        buffer = BytesIO()
        torch.save({**vars(self), "rows": [astuple(row) for row in self.rows], "format": FORMAT}, buffer)
        return buffer.getvalue()

    def log(self) -> bytes:
        """Return the content of log.csv."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([each.name for each in fields(Row)])
        for row in self.rows:
            writer.writerow(
                [row.step, f"{row.seconds:.1f}", f"{row.loss:.6g}", f"{row.psnr:.4f}", f"{row.rate:.6g}",
                 f"{row.steps_per_second:.4g}"]
            )  # fmt: skip
        return text.getvalue().encode()


def read_saved(folder: Path) -> Saved:
    """Return what the run in `folder` has saved; its tensors are on the CPU.

    Raises:
        RunFolderError: it cannot be read, or is damaged.
    """
    values = _read(folder)
    try:
        if values.pop("format") not in READABLE:
            raise RunFolderError(folder, f"{RUN_STATE} was written by another version of nlsr", NEW_HINT)
        values["rows"] = [Row(*row) for row in values["rows"]]
        saved = Saved(**values)
        if not _sound(saved):
            raise damaged(folder)
    except (KeyError, TypeError, AttributeError, RuntimeError) as exc:
        raise damaged(folder) from exc
    return saved


def damaged(folder: Path) -> RunFolderError:
    """Return the error that says that the state in `folder` is of no use."""
    return RunFolderError(folder, f"{RUN_STATE} is damaged, or is not the state of a run", NEW_HINT)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / RUN_STATE
    if not path.is_file():
        raise damaged(folder)
    try:
        with zipfile.ZipFile(path) as archive:  # its checksums, which torch does not look at
            altered = archive.testzip()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders about odd files before it refuses them
            values = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise RunFolderError(folder, f"{RUN_STATE} cannot be read: {exc.strerror or exc}", READ_HINT) from exc
    except Exception as exc:  # the reader fails on damaged bytes in whatever way they suggest
        raise damaged(folder) from exc
    if altered or not isinstance(values, dict):
        raise damaged(folder)
    return values


def _sound(saved: Saved) -> bool:
    """Tell whether all fields are of their kind, as those of a file that somebody made need not be."""
    numbers = (int, float)
    kinds = {"choices": dict, "photographs": str, "origin": tuple, "trainer": dict, "best": dict, "rows": list}
    return (
        all(isinstance(getattr(saved, name), kind) for name, kind in kinds.items())
        and all(isinstance(getattr(saved, name), numbers) for name in ("seconds", "due", "losses", "read"))
        and all(isinstance(value, numbers) for row in saved.rows for value in astuple(row))
        and all(row in range(-1, len(saved.rows)) for row in (saved.best_row, saved.exported_row))
        and len(saved.origin) in (0, 3)
    )


def _finite(value: object) -> bool:
    """Tell whether all numbers in all tensors of nested containers are finite."""
    if isinstance(value, Tensor):
        return not value.is_floating_point() or bool(torch.isfinite(value).all())
    if isinstance(value, Mapping):
        return all(_finite(each) for each in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return all(_finite(each) for each in value)
    return True
