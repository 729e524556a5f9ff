"""One function does a job from any source to any sink, whoever calls it, and a job can travel to whoever does it."""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.batch.job import Job
from nlsr_cli.batch.planning import plan_batch
from nlsr_cli.batch.process import process
from nlsr_cli.batch.sink import FileSink, MemorySink, Sink, StandardOutput
from nlsr_cli.batch.source import ArraySource, BytesSource, FileSource, Source, StandardInput
from nlsr_cli.errors import DestinationClash, ImageReadError
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, EncodeOptions, OutputOptions, UpscaleOptions
from nlsr_cli.upscaling.enlarger import Enlarger

PIXELS = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made


@pytest.fixture
def enlarger(tiny_network: Callable[..., NLSN]) -> Enlarger:
    return Enlarger(tiny_network(), compute=ComputeOptions("cpu", "fp32"), floor=0)


def png() -> bytes:
    held = io.BytesIO()
    Image.fromarray(PIXELS).save(held, "PNG")
    return held.getvalue()


class Piped:
    """Stands for a standard stream."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)


def test_what_is_encoded_whole_must_fit_into_the_memory_that_is_allowed(enlarger: Enlarger, decoder: Decoder) -> None:
    """It is refused before it is computed."""
    pixels, options = np.zeros((3000, 3000, 3), np.uint8), UpscaleOptions(max_memory=800 * 2**20)
    outcome = process(Job(ArraySource(pixels), MemorySink(), "WEBP", options=options), enlarger, decoder)
    assert "is encoded whole, which takes 868 MiB" in str(outcome.error)
    small = process(Job(ArraySource(pixels[:9]), MemorySink(), "WEBP", options=options), enlarger, decoder)
    assert small.status == "done"


def test_every_source_and_every_sink_gives_the_same_bytes(
    tmp_path: Path, enlarger: Enlarger, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(png())
    sources: list[Source] = [FileSource(tmp_path / "a.png"), StandardInput(), BytesSource(png()), ArraySource(PIXELS)]
    made = set()
    for number, source in enumerate(sources):
        sinks: list[Sink] = [FileSink(tmp_path / f"{number}.png"), StandardOutput(), MemorySink()]
        for sink in sinks:
            monkeypatch.setattr(sys, "stdin", Piped(png()))
            monkeypatch.setattr(sys, "stdout", Piped())
            outcome = process(Job(source, sink, "PNG"), enlarger, decoder)
            assert (outcome.error, outcome.status, outcome.output) == (None, "done", sink.path)
            assert outcome.name == source.name
            if isinstance(sink, MemorySink):
                made.add(sink.data)
            else:
                made.add(sink.path.read_bytes() if sink.on_disk else sys.stdout.buffer.getvalue())  # type: ignore[attr-defined]
    (data,) = made
    assert data is not None
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (6 * enlarger.aim.scales[0], 5 * enlarger.aim.scales[0])


def test_what_is_wrong_is_in_the_outcome(tmp_path: Path, enlarger: Enlarger, decoder: Decoder) -> None:
    (tmp_path / "there.png").write_bytes(b"mine")
    small = UpscaleOptions(max_pixels=29)
    cases: list[tuple[Job, type[Exception], str]] = [
        (Job(FileSource(tmp_path / "none.png"), MemorySink(), "PNG"), ImageReadError, "none.png"),
        (Job(BytesSource(b"no picture", "upload"), MemorySink(), "PNG"), ImageReadError, "upload"),
        (Job(BytesSource(png()), MemorySink(), "PNG", options=small), ImageReadError, "29"),
        (Job(ArraySource(PIXELS), MemorySink(), "PNG", options=small), ImageReadError, "array: has 30 pixels"),
        (Job(ArraySource(PIXELS), FileSink(tmp_path / "there.png"), "PNG"), DestinationClash, "exists already"),
        (Job(ArraySource(PIXELS), MemorySink(), error=ImageReadError("a", "is odd")), ImageReadError, "is odd"),
    ]
    for job, kind, words in cases:
        outcome = process(job, enlarger, decoder)
        assert outcome.status == "failed"
        assert isinstance(outcome.error, kind)
        assert words in str(outcome.error)
    assert (tmp_path / "there.png").read_bytes() == b"mine"
    assert process(Job(ArraySource(PIXELS), MemorySink(), skip=True), enlarger, decoder).status == "skipped"


def test_options_travel_with_the_job(enlarger: Enlarger, decoder: Decoder) -> None:
    sizes = []
    for quality in (20, 95):
        sink = MemorySink()
        options = UpscaleOptions(encode=EncodeOptions(quality=quality))
        ticks: list[tuple[int, int]] = []
        process(
            Job(ArraySource(PIXELS), sink, "JPEG", options=options),
            enlarger,
            decoder,
            on_tile=lambda done, total, ticks=ticks: ticks.append((done, total)),  # type: ignore[misc]
        )
        assert ticks[-1] == (1, 1)
        assert sink.data is not None
        sizes.append(len(sink.data))
    assert sizes[0] < sizes[1]


def test_a_planned_job_does_its_work_elsewhere(tmp_path: Path, enlarger: Enlarger, decoder: Decoder) -> None:
    """On another machine it is what it was here, errors included."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png())
    (tmp_path / "c.png").write_bytes(b"no picture")
    plan = plan_batch([tmp_path], OutputOptions(target=tmp_path / "out"), aim=enlarger.aim, decoder=decoder)
    jobs = [pickle.loads(pickle.dumps(job)) for job in plan.jobs]
    assert [replace(job, error=None) for job in jobs] == [replace(job, error=None) for job in plan.jobs]
    outcomes = [process(job, enlarger, decoder) for job in jobs]
    assert [outcome.status for outcome in outcomes] == ["done", "done", "failed"]
    assert str(outcomes[2].error) == str(plan.jobs[2].error)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_x2.png", "b_x2.png"]


def test_a_part_that_is_not_committed_never_was(tmp_path: Path) -> None:
    """Of a file no name stays, and memory keeps what it had."""
    kept = MemorySink(b"before")
    for sink in (FileSink(tmp_path / "a"), kept):
        with sink.begin() as part:
            part.append(b"half")
            part.append(b" done")
            assert part.size == 9
            assert part.sha256 == hashlib.sha256(b"half done").hexdigest()
    assert list(tmp_path.iterdir()) == []
    assert kept.data == b"before"
