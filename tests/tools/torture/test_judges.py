"""The judges of the suite are right, and can say no: each is shown something that is broken."""

import json
import pickle
import random
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from tests.images import icc
from tests.images.files import saved
from tests.tools.torture import facts, fuzz, gamut, kills, many, mutate, same, weights
from tests.tools.torture.cells import FORMATS, Cell, cells
from tests.tools.torture.colours import PUBLISHED_PAIRS, _through_tables, difference, lab_of
from tests.tools.torture.compare import KEPT, SAID, SILENT, compare
from tests.tools.torture.fuzz_worker import Worker, checkpoint_case, picture_case
from tests.tools.torture.modes import MODES
from tests.tools.torture.report import Result


@pytest.mark.parametrize(("one", "other", "published"), PUBLISHED_PAIRS)
def test_difference_is_the_published_one(one: tuple, other: tuple, published: float) -> None:
    assert float(difference(np.array(one), np.array(other))) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("profile", [None, icc.srgb(), icc.rgb("P3", icc.DISPLAY_P3)], ids=["none", "srgb", "p3"])
def test_lab_agrees_with_littlecms(profile: bytes | None) -> None:
    pixels = np.rint(np.random.default_rng(0).random((8, 8, 3)) * 255) / 255
    theirs = _through_tables(pixels, profile or icc.srgb())
    assert difference(lab_of(pixels, profile), theirs).max() < 0.1


@pytest.fixture(scope="module")
def matrix() -> list[Cell]:
    return list(cells())


def test_matrix_has_every_format_and_mode(matrix: list[Cell]) -> None:
    assert {cell.format for cell in matrix} == set(FORMATS)
    assert {cell.mode for cell in matrix} == set(MODES)
    assert len({cell.name for cell in matrix}) == len(matrix) > 400


def test_judge_sees_the_pixels_that_pillow_sees(matrix: list[Cell]) -> None:
    compared = 0
    for cell in matrix:
        if cell.load != "bare" or MODES[cell.mode].bits != 8 or cell.mode in ("LAB", "L inverted", "YCbCr"):
            continue
        found = facts.read(cell.data)
        with Image.open(BytesIO(cell.data)) as image:
            mode = {"grey": "LA", "rgb": "RGBA", "cmyk": "CMYK"}[found.kind]
            theirs = np.asarray(image.convert("RGBA" if mode == "LA" else mode), float) / 255
        theirs = theirs[..., : found.pixels.shape[2]]
        assert np.abs(theirs.reshape(found.pixels.shape) - found.pixels).max() < 1e-6, str(cell)
        compared += 1
    assert compared > 25


def test_silence_is_noticed_and_notes_are_heard(matrix: list[Cell]) -> None:
    loaded = next(cell for cell in matrix if (cell.format, cell.mode, cell.load) == ("PNG", "RGBA", "turned"))
    before = facts.read(loaded.data)
    pixels = np.rint(np.concatenate((before.pixels, before.opacity[..., None]), axis=-1) * 255).astype(np.uint8)
    twice = pixels.repeat(2, 0).repeat(2, 1)
    bare = facts.read(saved(Image.fromarray(twice[..., :3])))
    silent = {each.property for each in compare(before, bare, (), 2) if each.outcome == SILENT}
    assert silent >= {"alpha", "exif", "xmp", "iptc", "dpi", "texts"}
    notes = ("EXIF is left out", "XMP is left out", "IPTC is left out", "the resolution is left out", "no PNG text")
    told = {each.property: each.outcome for each in compare(before, bare, notes, 2)}
    assert [told[name] for name in ("exif", "xmp", "iptc", "dpi", "texts")] == [SAID] * 5
    assert told["alpha"] == SILENT
    assert told["size"] == told["orientation"] == KEPT


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (lambda twice: twice[::-1], "colours"),
        (lambda twice: twice // 2, "colours"),
        (lambda twice: twice[:, :-2], "size"),
        (lambda twice: twice.mean(axis=2).astype(np.uint8), "kind"),
    ],
    ids=["mirrored", "darker", "cut", "grey"],
)
def test_wrong_pixels_are_noticed(change: object, noticed: str, matrix: list[Cell]) -> None:
    cell = next(cell for cell in matrix if (cell.format, cell.mode, cell.load) == ("PNG", "RGB", "bare"))
    before = facts.read(cell.data)
    twice = np.rint(before.pixels * 255).astype(np.uint8).repeat(2, 0).repeat(2, 1)
    assert all(each.outcome == KEPT for each in compare(before, facts.read(saved(Image.fromarray(twice))), (), 2))
    after = facts.read(saved(Image.fromarray(np.ascontiguousarray(change(twice)))))
    assert noticed in {each.property for each in compare(before, after, (), 2) if each.outcome == SILENT}


def test_sixteen_bits_that_are_only_eight_are_noticed(matrix: list[Cell]) -> None:
    cell = next(cell for cell in matrix if (cell.format, cell.mode, cell.load) == ("PNG", "I;16", "bare"))
    before = facts.read(cell.data)
    eight = (np.rint(before.pixels[..., 0] * 255).astype(np.uint16) * 257).repeat(2, 0).repeat(2, 1)
    after = facts.read(saved(Image.fromarray(eight)))
    assert "bits" in {each.property for each in compare(before, after, (), 2) if each.outcome == SILENT}


def test_colour_errors_are_held_against_their_bounds() -> None:
    plain = gamut.Error(gamut.NONE, "smooth", 0.1, 0.2, 0.5)
    found = Result("gamut")
    gamut.judge(found, [plain, gamut.Error("P3", "smooth", 0.2, 0.5, 1.0)])
    assert not found.failures
    gamut.judge(found, [plain, gamut.Error("P3", "smooth", 3.0, 9.0, 20.0)])
    assert found.failures


def test_half_written_and_stray_files_are_noticed(tmp_path: Path) -> None:
    reference = {"a.png": b"whole", "b.png": b"other"}
    lane = kills.Lane(tmp_path, tmp_path / "out", reference, 1.0, 0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"whole")
    lane._check_kill({})
    assert not lane._tally.failures
    (tmp_path / "out" / "b.png").write_bytes(b"oth")
    (tmp_path / "out" / "c.png").write_bytes(b"stray")
    lane._check_kill({})
    assert len(lane._tally.failures) == 2
    (tmp_path / "out" / ".nlsr-1.part").write_bytes(b"")
    lane._check_end(None, {})
    assert "left over" in lane._tally.failures[-1]


def test_damage_is_repeatable_and_reaches_every_format(matrix: list[Cell]) -> None:
    assert picture_case(1, 7) == picture_case(1, 7)
    assert picture_case(1, 7) != picture_case(1, 8)
    seen = {picture_case(3, number)[1].partition(" ")[0] for number in range(150)}
    assert seen == {name.split()[0] for name in FORMATS}
    for cell in matrix:
        assert mutate.parts(cell.data), str(cell)


def test_every_kind_of_checkpoint_is_made(tmp_path: Path) -> None:
    for kind, make in weights.KINDS.items():
        for seed in range(20):
            assert make(random.Random(seed), tmp_path / "canary").files, kind
    assert checkpoint_case(1, 5, tmp_path).files == checkpoint_case(1, 5, tmp_path).files
    assert not (tmp_path / "canary").exists()


def test_a_bomb_goes_off_where_it_is_let(tmp_path: Path) -> None:
    """Else a canary that is not there would mean nothing."""
    pickle.loads(pickle.dumps(weights._bombs(tmp_path / "canary")[1]))
    assert (tmp_path / "canary").exists()


def test_a_traceback_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def broken(number: int) -> None:
        raise KeyError(number)

    worker = Worker("pictures", 1, tmp_path)
    monkeypatch.setattr(worker, "_meet", broken)
    worker._one(3)
    assert "a traceback" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("reason", "problem"),
    [("its decoder crashed (SIGSEGV)", "contained"), ("unexpected KeyError: 3", "a traceback")],
    ids=["lost decoder", "traceback in it"],
)
def test_what_becomes_of_decoders_is_noticed(
    reason: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def refused(number: int) -> None:
        raise ImageReadError("a.png", reason)

    worker = Worker("pictures", 1, tmp_path)
    monkeypatch.setattr(worker, "_meet", refused)
    worker._one(3)
    assert [json.loads(line)["problem"] for line in capsys.readouterr().out.splitlines()] == [problem]


@pytest.mark.parametrize(
    ("code", "problem"),
    [("import os; os.abort()", "a crash"), ("import time; time.sleep(60)", "a hang")],
    ids=["crash", "hang"],
)
def test_a_crash_and_a_hang_are_noticed(
    code: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "WORKER", (sys.executable, "-c", code))
    monkeypatch.setattr(fuzz, "HANG", -59.0)
    seen = fuzz.Seen()
    fuzz._lane("pictures", 0, 2, fuzz.Counts(2, 0, 0, 0), tmp_path, seen)
    assert [each[0] for each in seen.problems] == [0]
    assert seen.problems[0][1].startswith(problem)


def test_growing_memory_and_time_are_noticed() -> None:
    flat, growing = Result("many"), Result("many")
    times = [n / 16 for n in range(2000)]
    many._judge(flat, many.Watch([(4 * n, 10**8, n / 4) for n in range(500)], times))
    assert not flat.failures
    many._judge(growing, many.Watch([(4 * n, 10**8 + n * 10**6, (n / 100) ** 2) for n in range(500)], times))
    assert len(growing.failures) == 3


def test_other_pixels_have_another_digest(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    for name, value in (("a", 0), ("b", 0), ("c", 1)):
        pixels[0, 0, 0] = value
        Image.fromarray(pixels).save(tmp_path / f"{name}.png", compress_level=9 if name == "b" else 1)
    one, other, changed = (same.digest(tmp_path / f"{name}.png") for name in "abc")
    assert one == other != changed
