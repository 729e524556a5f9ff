"""What goes out: under the right name, with what must be told of it, and nothing once a call has ended."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.batch import delivery as module
from nlsr_cli.batch.delivery import Delivery
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.resume import MEANWHILE, Verdict
from nlsr_cli.batch.sink import FileSink, MemorySink, Sink, StandardOutput
from nlsr_cli.batch.source import FileSource
from nlsr_cli.batch.task import Task
from nlsr_cli.errors import DestinationClash, ImageWriteError
from nlsr_cli.images import Animation, Metadata, Picture
from nlsr_cli.options import EncodeOptions, UpscaleOptions
from nlsr_cli.storing import FilePart, Pieces, collected
from nlsr_cli.upscaling.progress import Enlarged

SMALL, LARGE = (np.full((side, side + 1, 3), side, np.uint8) for side in (2, 4))


class Rows:
    """Stands for the finished rows of a large picture, and remembers what became of them."""

    def __init__(self, kept: int = 0) -> None:
        self.kept = kept
        self.fate: list[str] = []

    def discard(self) -> None:
        self.fate.append("discarded")

    def close(self) -> None:
        self.fate.append("closed")


class Keeper:
    """Stands for the keeper of a ledger on a disk that is full some times."""

    def __init__(self, full: int = 0) -> None:
        self.full = full
        self.stored: list[tuple[Verdict, str, bytes]] = []

    def store(self, job: Job, verdict: Verdict, content: str, pieces: Pieces) -> tuple[Verdict, tuple[str, ...]]:
        self.stored.append((verdict, content, collected(pieces)[0]))
        if len(self.stored) <= self.full:
            raise ImageWriteError(job.sink.path, "the disk is full")
        return Verdict("skip", MEANWHILE) if verdict.action == "replace" else verdict, ("entered",)


class Stamp:
    """Stands for what writes into an output how it was made."""

    def put(
        self, source: Picture, enlarged: Enlarged, format_: str, *, content: str, page: int | None, device: str
    ) -> tuple[Picture, tuple[str, ...]]:
        assert source.color is SMALL
        assert page is None
        texts = (("made", f"{format_} of {content} on {device}"),)
        return replace(enlarged.picture, metadata=Metadata("PNG", "RGB", texts=texts)), ("stamped",)


def delivery(keeper: Keeper | None = None, stamp: Stamp | None = None) -> Delivery:
    return Delivery(keeper, stamp, lambda: "cpu")  # type: ignore[arg-type]


def task(
    target: Path | Sink, format_: str = "PNG", source: str = "PNG", *, lossless: bool = False, **changes: object
) -> Task:
    """Return a task as it is when its picture is enlarged."""
    picture = Picture(SMALL, None, Metadata(source, "RGB"))
    enlarged = Enlarged(Picture(LARGE, None, picture.metadata), 1, (2, 3), 0, None, "fp32", ("told before",))
    sink = FileSink(target) if isinstance(target, Path) else target
    options = UpscaleOptions(encode=EncodeOptions(lossless=lossless))
    job = Job(FileSource(sink.path.parent / "in.png"), sink, format_, options=options)
    return Task(job, content="5ha", picture=picture, enlarged=enlarged, **changes)  # type: ignore[arg-type]


def side(source: Path | bytes) -> int:
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        return image.height


def test_an_output_is_written_into_folders_that_are_made_for_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "a.png"
    for _ in range(2):
        outcome = delivery().finish(task(FileSink(target, overwrite=True)))
        assert (outcome.status, outcome.output, outcome.notes) == ("done", target, ("told before",)), outcome.error
        assert side(target) == 4


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    outcome = delivery().finish(task(tmp_path / "file" / "a.png"))
    assert isinstance(outcome.error, ImageWriteError)
    assert f"{tmp_path / 'file'}: the folder cannot be made: " in outcome.error.message
    assert os.strerror(errno.EEXIST) in outcome.error.message or os.strerror(errno.ENOTDIR) in outcome.error.message


def test_what_has_come_to_stand_there_is_kept_and_known_before_the_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To encode a large picture for nothing takes minutes."""
    target = tmp_path / "a.png"
    target.write_bytes(b"mine")
    assert delivery().finish(task(FileSink(target, overwrite=True))).status == "done"
    target.write_bytes(b"mine")

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "pieces_of", never)
    outcome = delivery().finish(task(target))
    assert isinstance(outcome.error, DestinationClash)
    assert target.read_bytes() == b"mine"


def test_a_link_on_the_way_out_of_the_folder_of_outputs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    bound = task(tmp_path / "out" / "sub" / "a.png")
    bound.job = replace(bound.job, sink=FileSink(bound.job.sink.path, root=tmp_path / "out"))
    outcome = delivery().finish(bound)
    assert "leads out of" in str(outcome.error)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert delivery().finish(task(tmp_path / "out" / "sub" / "a.png")).status == "done", "a file that is named may be"


def test_after_the_end_nothing_is_written_and_rows_stay(tmp_path: Path) -> None:
    """Ctrl-C was pressed while it was encoded; the next call takes the rows up."""
    rows = Rows(kept=3)
    over = delivery()
    over.close()
    outcome = over.finish(task(tmp_path / "a.png", rows=rows))
    assert f"{tmp_path / 'a.png'}: interrupted before it was written" in str(outcome.error)
    assert (list(tmp_path.iterdir()), rows.fate) == ([], [])
    assert delivery().finish(task(tmp_path / "a.png", rows=rows)).status == "done"
    assert rows.fate == ["discarded"]


def test_memory_gets_the_bytes_of_a_file(tmp_path: Path) -> None:
    """Also those of a TIFF, whose head is written last."""
    sink = MemorySink()
    for target in (sink, tmp_path / "a.tiff"):
        assert delivery().finish(task(target, "TIFF")).status == "done"
    assert sink.data == (tmp_path / "a.tiff").read_bytes()
    assert side(sink.data) == 4


def test_what_is_half_written_at_the_end_is_given_up_at_its_next_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture of any size is written while it is encoded: Ctrl-C waits for one piece of it, not for all."""
    rows, mine = Rows(kept=3), delivery()

    def pieces(*_: object, **__: object) -> Pieces:
        yield b"first"
        assert len(list(tmp_path.iterdir())) == 1, "the file is begun"
        closer.start()
        while not mine._over:
            closer.join(0.01)
        yield b"second"
        pytest.fail("asked for more")

    closer = threading.Thread(target=mine.close)
    monkeypatch.setattr(module, "pieces_of", pieces)
    outcome = mine.finish(task(tmp_path / "a.png", rows=rows))
    closer.join(10)
    assert not closer.is_alive()
    assert "interrupted before it was written" in str(outcome.error)
    assert (list(tmp_path.iterdir()), rows.fate) == ([], [])


def test_the_end_waits_for_what_is_being_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a call would end, and its thread go on to write."""
    storing, go_on, commit = threading.Event(), threading.Event(), FilePart.commit

    def slow(part: FilePart) -> None:
        storing.set()
        assert go_on.wait(10)
        commit(part)

    monkeypatch.setattr(FilePart, "commit", slow)
    mine = delivery()
    writer = threading.Thread(target=mine.finish, args=(task(tmp_path / "a.png"),))
    closer = threading.Thread(target=mine.close)
    writer.start()
    assert storing.wait(10)
    closer.start()
    closer.join(0.1)
    assert closer.is_alive()
    go_on.set()
    for thread in (writer, closer):
        thread.join(10)
    assert side(tmp_path / "a.png") == 4


def test_a_job_without_a_picture_writes_nothing(tmp_path: Path) -> None:
    done = Task(
        Job(FileSource(tmp_path / "in.png"), FileSink(tmp_path / "a.png"), "PNG"),
        verdict=Verdict("skip", "done already"),
    )
    outcome = delivery().finish(done)
    assert (outcome.status, outcome.reason, outcome.notes) == ("skipped", "done already", ())
    assert list(tmp_path.iterdir()) == []


def test_what_is_entered_is_what_was_read_and_written(tmp_path: Path) -> None:
    """With a keeper it is he who stores: he knows whether what stands there may be replaced."""
    (tmp_path / "a.png").write_bytes(b"ours, of an earlier call")
    keeper = Keeper()
    outcome = delivery(keeper).finish(task(tmp_path / "a.png"))
    ((verdict, content, data),) = keeper.stored
    assert (verdict, content, side(data)) == (Verdict(), "5ha", 4)
    assert (outcome.status, outcome.notes) == ("done", ("told before", "entered"))
    again = delivery(keeper).finish(task(tmp_path / "a.png", verdict=Verdict("replace", "its input has changed")))
    assert (again.status, again.reason) == ("skipped", MEANWHILE), "what he says of it counts"


@pytest.mark.parametrize("rows", [None, Rows(), Rows(kept=3)])
def test_a_full_disk_is_told_and_finished_rows_stay(tmp_path: Path, rows: Rows | None) -> None:
    keeper = Keeper(full=1)
    outcome = delivery(keeper).finish(task(tmp_path / "a.png", rows=rows))
    assert "the disk is full" in str(outcome.error)
    assert len(keeper.stored) == 1


def test_how_it_was_made_is_in_the_output_if_that_is_wanted(tmp_path: Path) -> None:
    outcome = delivery(stamp=Stamp()).finish(task(tmp_path / "a.png"))
    assert outcome.notes == ("told before", "stamped")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["made"] == "PNG of 5ha on cpu"
    assert delivery().finish(task(tmp_path / "b.png")).notes == ("told before",)
    with Image.open(tmp_path / "b.png") as image:
        assert "made" not in image.info


GIF_NOTE = "A GIF of one frame becomes a PNG: 256 colours could not hold the result."
READ_NOTE = "This format is read but not written; the output is a PNG, without loss."


@pytest.mark.parametrize(
    ("source", "format_", "note"),
    [
        ("GIF", "PNG", GIF_NOTE),
        ("GIF", "JPEG", None),
        ("PNG", "PNG", None),
        ("HEIC", "PNG", READ_NOTE),
        ("RAW", "PNG", READ_NOTE),
        ("HEIC", "JPEG", None),
    ],
)
def test_another_format_than_the_sources_is_explained(
    tmp_path: Path, source: str, format_: str, note: str | None
) -> None:
    outcome = delivery().finish(task(tmp_path / "a", format_, source))
    assert outcome.error is None
    assert outcome.notes == (("told before", note) if note else ("told before",))


def test_a_film_that_becomes_a_png_is_no_gif_of_one_frame(tmp_path: Path) -> None:
    made = task(tmp_path / "a.png", source="GIF")
    assert isinstance(made.picture, Picture)
    made.picture = Animation((made.picture, made.picture), (100, 100), 0)
    assert GIF_NOTE not in delivery().finish(made).notes


@pytest.mark.parametrize(("format_", "lossless"), [("JPEG", True), ("JPEG", False), ("WEBP", True), ("PNG", True)])
def test_a_format_that_always_loses_says_so(tmp_path: Path, format_: str, lossless: bool) -> None:
    outcome = delivery().finish(task(tmp_path / "a", format_, lossless=lossless))
    notes = ("JPEG is always written with loss; --lossless has no effect.",) if lossless and format_ == "JPEG" else ()
    assert outcome.notes == ("told before", *notes)


class Stdout:
    """Stands for standard output, of which a pipe may have been closed."""

    def __init__(self, buffer: io.RawIOBase | io.BytesIO) -> None:
        self.buffer = buffer


class Broken(io.BytesIO):
    def flush(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def test_standard_output_gets_the_picture_and_is_flushed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    stdout = Stdout(io.BufferedWriter(io.FileIO(tmp_path / "pipe", "wb"), 2**20))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdout", stdout)
    outcome = delivery().finish(task(StandardOutput(), "JPEG", lossless=True))
    assert outcome.error is None
    assert side(tmp_path / "pipe") == 4
    assert "JPEG is always written with loss; --lossless has no effect." in outcome.notes
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    stdout.buffer.close()


def test_a_picture_that_does_not_fit_a_format_is_told_on_standard_output_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Stdout(io.BytesIO()))
    clear = task(StandardOutput(), "JPEG")
    assert clear.enlarged is not None
    alpha = np.zeros(LARGE.shape[:2], np.uint8)
    clear.enlarged = replace(clear.enlarged, picture=replace(clear.enlarged.picture, alpha=alpha))
    told = delivery().finish(clear).notes
    assert len(told) == 2, "that alpha is laid on a background"


@pytest.mark.parametrize(
    ("stdout", "reason"),
    [(None, "is closed"), (Stdout(Broken()), f"cannot be written: {os.strerror(errno.EPIPE)}")],
)
def test_standard_output_that_is_gone_is_an_error(
    monkeypatch: pytest.MonkeyPatch, stdout: Stdout | None, reason: str
) -> None:
    monkeypatch.setattr(sys, "stdout", stdout)
    outcome = delivery().finish(task(StandardOutput()))
    assert isinstance(outcome.error, ImageWriteError)
    assert f"standard output: {reason}" in outcome.error.message
