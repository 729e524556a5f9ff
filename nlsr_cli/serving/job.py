"""A job of a server: one picture, what is asked of it, and what became of it. It is kept as JSON."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any

QUEUED, RUNNING, DONE, FAILED = STATES = ("queued", "running", "done", "failed")
ID = re.compile(r"[0-9a-f]{32}")
_UNFIT = re.compile(r'[<>:"/\\|?*]')  # what names of files cannot have on Windows, where a colon names a drive
_STEM = 180  # bytes of a name before its suffix: file systems take 255 in all


@dataclass(frozen=True)
class Result:
    """The file that was made: `ending` with its dot, and (height, width) of the picture."""

    ending: str
    suffix: str
    media_type: str
    bytes: int
    height: int
    width: int
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass
class Job:
    """One picture. `direct` is one whose client waits for the answer, so that nobody can ask for it later.

    `name` is what the client calls it. `height`, `width`, `format` and `media_type` are those of the source. `done` of
    `total` tiles are computed. `error` is what went wrong, as answers have it, and `status` the one that goes with it.
    Times are in seconds since 1970.
    """

    id: str
    name: str
    settings: dict[str, Any]
    model: str
    client: str
    direct: bool
    height: int
    width: int
    format: str
    media_type: str
    created: float
    state: str = QUEUED
    done: int = 0
    total: int = 0
    finished: float | None = None
    result: Result | None = None
    error: dict[str, Any] | None = None
    status: int = 200

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more happens to it."""
        return self.state in (DONE, FAILED)

    @property
    def download_name(self) -> str:
        """Return what a browser is to call the result: a name that every file system takes."""
        if self.result is None:
            return self.name
        stem = PurePath(_UNFIT.sub("_", self.name)).stem.encode()[:_STEM].decode(errors="ignore")
        return f"{stem}{self.result.suffix}{self.result.ending}"

    def stored(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)

    @classmethod
    def restored(cls, value: dict[str, Any]) -> Job:
        """Return what `stored` had; one that ran is queued again. What an older version did not store has its default.

        Raises:
            KeyError, TypeError, ValueError: it is no job.
        """
        known = {each.name: value[each.name] for each in fields(cls) if each.name in value}
        if (result := known.get("result")) is not None:
            known["result"] = Result(**{**result, "notes": tuple(result["notes"])})
        job = cls(**known)
        if job.state not in STATES or not ID.fullmatch(job.id):
            raise ValueError(f"no job is {job.state}")
        if not isinstance(job.name, str) or job.created + (job.finished or 0.0) < 0:
            raise ValueError("no job has such a name, or such times")
        if not job.is_over:
            job.state, job.done, job.total = QUEUED, 0, 0
        return job

    def as_json(self, ahead: int | None) -> dict[str, Any]:
        """Return what clients see; `ahead` is how many pictures come before it, None of one that does not wait."""
        result = self.result
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "model": self.model,
            "options": self.settings,
            "source": {
                "format": self.format,
                "size": {"height": self.height, "width": self.width},
                "url": f"/v1/jobs/{self.id}/source",
            },
            "ahead": ahead,
            "tiles": {"done": self.done, "total": self.total},
            "created": self.created,
            "finished": self.finished,
            "result": result
            and {
                "name": self.download_name,
                "media_type": result.media_type,
                "bytes": result.bytes,
                "size": {"height": result.height, "width": result.width},
                "seconds": result.seconds,
                "notes": list(result.notes),
                "url": f"/v1/jobs/{self.id}/result",
            },
            "error": self.error and self.error["error"],
        }


def now() -> float:
    """Return the time to a thousandth of a second."""
    return round(time.time(), 3)
