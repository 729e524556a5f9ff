"""What is done stays done, and what is not ours stays there, whatever happens between two looks at a place."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from nlsr_cli.batch import resume as module
from nlsr_cli.batch.claims import EXISTS_HINT
from nlsr_cli.batch.fingerprint import Identity
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.ledger import LEDGER_NAME, Ledger
from nlsr_cli.batch.resume import DONE, EXISTS, MEANWHILE, Keeper, Verdict
from nlsr_cli.batch.sharing import claim_of
from nlsr_cli.batch.sink import FileSink, StandardOutput
from nlsr_cli.batch.source import FileSource
from nlsr_cli.errors import DestinationClash, ImageReadError, ImageWriteError
from nlsr_cli.options import ComputeOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.storing import Patch
from nlsr_cli.upscaling.route import Aim
from nlsr_cli.upscaling.rows_folder import folders_of_rows
from nlsr_cli.upscaling.spool import LEAST_TILES
from nlsr_cli.upscaling.tiles import plan_tiles
from nlsr_cli.zoo import find_models
from nlsr_cli.zoo.family import ModelSet
from nlsr_cli.zoo.source import ModelSource
from tests.conftest import file_of

OLD, NEW = (hashlib.sha256(data).hexdigest() for data in (b"old input", b"new input"))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    route = Aim(SizeOptions(scale=2), (2, 3, 4)).route(20, 30)
    return Job(FileSource(tmp_path / "a.png"), FileSink(tmp_path / "a_x2.png"), "PNG", route=route)


class Retrained(ModelSet):
    """The same models with other weights."""

    def weights_sha256(self, model: ModelSource) -> str:
        return hashlib.sha256(super().weights_sha256(model).encode()).hexdigest()


LITE = find_models("lite")
OTHER = Retrained(LITE.scales, LITE.default, "lite")


def keeper(
    *jobs: Job, strength: float = 1.0, models: ModelSet = LITE, existing: str = "resume", ledger: bool = True
) -> Keeper:
    """Return what another process would have for the same call."""
    options = UpscaleOptions(compute=ComputeOptions("cpu", "fp32"), strength=strength)
    return Keeper(Identity(options, models), existing=existing, ledger=ledger, jobs=jobs)


def never() -> str:
    raise AssertionError("the input is not to be read for this")


def store(mine: Keeper, job: Job, verdict: Verdict, data: bytes, content: str = OLD) -> Verdict:
    stored, notes = mine.store(job, verdict, content, file_of(data))
    assert notes == ()
    return stored


def test_what_is_stored_is_done_for_everybody(job: Job) -> None:
    store(keeper(job), job, Verdict(), b"output")
    found = keeper(job).look(job, lambda: OLD)
    assert (found.action, found.reason) == ("skip", DONE)
    assert keeper(job).look(job, lambda: NEW).reason == "its input has changed"
    for other, reason in (
        (keeper(job, strength=0.5), "other options (--strength)"),
        (keeper(job, models=OTHER), "another model"),
    ):
        assert (found := other.look(job, lambda: OLD)) == Verdict("replace", reason, found.seen)
    assert keeper(job, models=OTHER).look(job, lambda: NEW).reason == "its input has changed"


def test_a_ledger_that_tells_no_options_names_none(job: Job) -> None:
    store(keeper(job), job, Verdict(), b"output")
    path = job.sink.path.with_name(LEDGER_NAME)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**line, "options": None}) + "\n" for line in lines))
    assert keeper(job, strength=0.5).look(job, lambda: OLD).reason == "other options"


def test_who_looks_again_sees_what_another_process_has_done(job: Job) -> None:
    mine = keeper(job)
    before = mine.look(job, lambda: OLD)
    assert mine.look_again(job, before, lambda: OLD) == before == Verdict()
    store(keeper(job), job, Verdict(), b"output")
    again = mine.look_again(job, before, lambda: OLD)
    assert (again.action, again.reason) == ("skip", MEANWHILE)


def test_what_was_replaced_meanwhile_is_done_too(job: Job) -> None:
    store(keeper(job), job, Verdict(), b"old output")
    mine, theirs = keeper(job), keeper(job)
    before = mine.look(job, lambda: NEW)
    store(theirs, job, theirs.look(job, lambda: NEW), b"the new output", NEW)
    again = mine.look_again(job, before, lambda: NEW)
    assert (again.action, again.reason) == ("skip", MEANWHILE)


def test_an_output_that_appears_before_ours_is_stored_is_kept(job: Job) -> None:
    """Of another process of ours it is as good as ours; of a stranger it is his."""
    mine = keeper(job)
    store(keeper(job), job, Verdict(), b"theirs")
    stored = store(mine, job, Verdict(), b"mine")
    assert (stored.action, stored.reason) == ("skip", MEANWHILE)
    assert job.sink.path.read_bytes() == b"theirs"
    job.sink.path.write_bytes(b"a stranger's")
    with pytest.raises(DestinationClash, match="was changed since nlsr wrote it"):
        store(mine, job, Verdict(), b"mine")
    assert job.sink.path.read_bytes() == b"a stranger's"


def test_what_is_to_be_replaced_is_still_ours_when_it_is(job: Job) -> None:
    """Somebody may have worked on it while the new one was computed."""
    store(keeper(job), job, Verdict(), b"old output")
    mine = keeper(job)
    verdict = mine.look(job, lambda: NEW)
    assert verdict.action == "replace"
    job.sink.path.write_bytes(b"retouched by hand")
    with pytest.raises(DestinationClash, match="was changed since nlsr wrote it"):
        store(mine, job, verdict, b"new output", NEW)
    assert job.sink.path.read_bytes() == b"retouched by hand"
    job.sink.path.write_bytes(b"old output")
    assert store(mine, job, verdict, b"new output", NEW) == verdict
    assert job.sink.path.read_bytes() == b"new output"


def test_what_is_there_is_looked_at_only_where_it_decides(job: Job) -> None:
    """A large input is read for its SHA-256, which takes long: only if its output is there, and by --resume alone."""
    assert keeper(job).look(job, never) == Verdict()
    job.sink.path.write_bytes(b"a stranger's")
    found = keeper(job, existing="skip").look(job, never)
    assert (found.action, found.reason) == ("skip", EXISTS)
    for existing in ("error", "overwrite"):
        assert keeper(job, existing=existing).look(job, never) == Verdict()
    assert [keeper(job, existing=each).decides_late for each in ("resume", "skip", "error")] == [True, False, False]


def test_standard_output_is_done_by_nobody(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file called `-` in the folder of the call is another one."""
    monkeypatch.chdir(tmp_path)
    stream = replace(job, sink=StandardOutput())
    mine = keeper(stream)
    assert mine.look(stream, never) == Verdict()
    Path("-").write_bytes(b"a stranger's")
    assert mine.look(stream, never) == Verdict()
    assert mine.look_again(stream, Verdict(), never) == Verdict()
    assert mine.rows(stream, OLD) is None
    assert mine.clean() == 0


def test_a_job_that_fails_is_not_looked_up(job: Job, tmp_path: Path) -> None:
    """Its folder may be anybody's: nothing is removed there."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".nlsr-dead.part").write_bytes(b"left behind")
    (tmp_path / ".nlsr-dead.part").write_bytes(b"left behind")
    failed = replace(job, sink=FileSink(elsewhere / "a.png"), error=ImageReadError("a.png", "is no picture"))
    assert keeper(job, failed).clean() == 1
    assert [path.name for path in tmp_path.rglob(".*")] == [".nlsr-dead.part"]


def test_what_is_not_in_the_ledger_is_refused_with_the_reason(job: Job) -> None:
    """A ledger that cannot be read is another matter than none: somebody can mend it."""
    job.sink.path.write_bytes(b"a stranger's")
    with pytest.raises(DestinationClash) as caught:
        keeper(job).look(job, lambda: OLD)
    assert caught.value.message.endswith(
        f"its output {job.sink.path} exists already, and is not in the ledger beside it"
    )
    assert caught.value.hint == EXISTS_HINT
    job.sink.path.with_name(LEDGER_NAME).mkdir()
    with pytest.raises(DestinationClash, match=r"beside it \(which cannot be read: it is not a regular file\)\n"):
        keeper(job).look(job, lambda: OLD)


@pytest.mark.parametrize("other", ["longer", "equally long", "a folder", "a link", "a pipe"])
def test_what_has_other_bytes_than_the_ledger_says_is_refused(job: Job, other: str, tmp_path: Path) -> None:
    """A link to the very bytes is the user's own arrangement, and nobody waits for a pipe."""
    store(keeper(job), job, Verdict(), b"output")
    job.sink.path.unlink()
    if other == "a folder":
        job.sink.path.mkdir()
    elif other == "a link":
        (tmp_path / "elsewhere").write_bytes(b"output")
        job.sink.path.symlink_to("elsewhere")
    elif other == "a pipe":
        os.mkfifo(job.sink.path)
    else:
        job.sink.path.write_bytes(b"output and more" if other == "longer" else b"edited")
    with pytest.raises(DestinationClash, match="was changed since nlsr wrote it") as caught:
        keeper(job).look(job, lambda: OLD)
    assert caught.value.hint == EXISTS_HINT


def test_an_output_of_any_size_is_known_by_all_of_its_bytes(job: Job) -> None:
    data = os.urandom(3 * 2**20 + 5)
    store(keeper(job), job, Verdict(), data)
    assert keeper(job).look(job, lambda: OLD).reason == DONE
    job.sink.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DestinationClash, match="was changed"):
        keeper(job).look(job, lambda: OLD)


def test_of_several_entries_the_one_counts_that_fits(job: Job) -> None:
    """The last line may be of a process that was killed before its output took the name."""
    store(keeper(job), job, Verdict(), b"output")
    mine = keeper(job)
    before = job.sink.path.read_bytes()
    verdict = mine.look(job, lambda: NEW)
    store(mine, job, verdict, b"a newer output", NEW)
    job.sink.path.write_bytes(before)
    assert keeper(job).look(job, lambda: OLD).reason == DONE


def test_both_lines_say_what_was_written(job: Job) -> None:
    """ "begun" is there before the output is, and "done" after it."""
    seen = []
    book = job.sink.path.with_name(LEDGER_NAME)
    mine, link = keeper(job), os.link

    def record(*arguments: object) -> None:
        seen.append(book.read_text())
        link(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", record)
        store(mine, job, Verdict(), b"output")
    begun, done = (json.loads(line) for line in book.read_text().splitlines())
    assert [json.loads(text) for text in seen] == [begun]
    assert done == {**begun, "state": "done", "time": done["time"]}
    assert done["time"] >= begun["time"] > 1.7e9
    assert begun["state"] == "begun"
    assert (begun["size"], begun["sha256"]) == (6, hashlib.sha256(b"output").hexdigest())


def test_an_output_with_a_patch_is_known_by_its_bytes(job: Job) -> None:
    """A TIFF says at its head where its directory lies, and knows that at its end."""
    mine = keeper(job)
    verdict, notes = mine.store(job, Verdict(), OLD, file_of(b"II*\0____", b"samples", Patch(4, b"\x0f\0\0\0")))
    assert (verdict, notes) == (Verdict(), ())
    assert job.sink.path.read_bytes() == b"II*\0\x0f\0\0\0samples"
    assert keeper(job).look(job, lambda: OLD).reason == DONE


def test_notes_of_the_encoder_come_with_what_is_stored(job: Job) -> None:
    assert keeper(job).store(job, Verdict(), OLD, file_of(b"output", notes=("rounded",))) == (Verdict(), ("rounded",))


def test_a_ledger_that_cannot_be_written_keeps_no_picture_from_being_written(job: Job) -> None:
    """It is told once, with what it means."""
    job.sink.path.with_name(LEDGER_NAME).mkdir()
    stored, notes = keeper(job).store(job, Verdict(), OLD, file_of(b"output"))
    assert stored == Verdict()
    book = job.sink.path.with_name(LEDGER_NAME)
    reason = os.strerror(errno.EISDIR).lower()
    assert notes == (f"the ledger {book} cannot be written ({reason}): --resume will not know this output.",)
    assert job.sink.path.read_bytes() == b"output"


def test_a_ledger_that_is_full_after_the_picture_is_told_too(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, add = keeper(job), Ledger.add

    def fill(self: Ledger, values: dict[str, object]) -> None:
        if values["state"] == "done":
            raise OSError("no reason is known")
        add(self, values)

    monkeypatch.setattr(Ledger, "add", fill)
    stored, notes = mine.store(job, Verdict(), OLD, file_of(b"output"))
    assert stored == Verdict()
    assert len(notes) == 1
    assert "cannot be written (no reason is known)" in notes[0]


def test_no_ledger_is_kept_unless_asked(job: Job) -> None:
    store(keeper(job, existing="error", ledger=False), job, Verdict(), b"output")
    assert not job.sink.path.with_name(LEDGER_NAME).exists()


def test_what_is_overwritten_may_be_anybodys(job: Job) -> None:
    """That is what --overwrite says; the other ways of a call never do."""
    job.sink.path.write_bytes(b"a stranger's")
    with pytest.raises(DestinationClash):
        keeper(job, existing="error").store(job, Verdict(), OLD, file_of(b"output"))
    assert job.sink.path.read_bytes() == b"a stranger's"
    bold = replace(job, sink=FileSink(job.sink.path, overwrite=True))
    store(keeper(bold, existing="overwrite"), bold, Verdict(), b"output")
    assert job.sink.path.read_bytes() == b"output"
    assert keeper(job).look(job, lambda: OLD).reason == DONE


def test_a_disk_that_is_full_is_an_error_of_this_picture(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(ImageWriteError, match="no space left"):
        keeper(job).store(job, Verdict(), OLD, file_of(b"output"))


def test_who_looks_again_at_what_became_another_ones_is_refused(job: Job) -> None:
    """Or would replace it, if it is an older output of ours."""
    mine = keeper(job)
    before = mine.look(job, lambda: NEW)
    store(keeper(job), job, Verdict(), b"output")
    again = mine.look_again(job, before, lambda: NEW)
    assert (again.action, again.reason) == ("replace", "its input has changed")
    assert mine.look_again(job, again, never) is again, "what is as it was is not read again"
    job.sink.path.write_bytes(b"a stranger's")
    with pytest.raises(DestinationClash):
        mine.look_again(job, before, lambda: NEW)


def test_rows_of_an_earlier_call_are_found_once_for_all(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of another key give way; the folder is not listed again for each of thousands of pictures."""
    tiles = plan_tiles(80, 80, size=16, overlap=4)
    assert len(tiles) >= LEAST_TILES
    listed: list[Path] = []
    monkeypatch.setattr(module, "folders_of_rows", lambda folder: listed.append(folder) or folders_of_rows(folder))
    found = []
    for content in (OLD, NEW, OLD, OLD):
        mine = keeper(job)
        rows = mine.rows(job, content)
        assert rows is not None
        assert rows.layer("color", tiles, 2, {}) is not None
        rows.close()
        found.append([path.name for path in job.sink.path.parent.glob(".nlsr-*.rows")])
        assert mine.rows(job, content) is not None
    assert [len(names) for names in found] == [1] * 4
    assert found[0] == found[2] == found[3] != found[1]
    assert listed == [job.sink.path.parent] * 4


def sharing(*jobs: Job) -> Keeper:
    options = UpscaleOptions(compute=ComputeOptions("cpu", "fp32"))
    return Keeper(Identity(options, LITE), existing="resume", ledger=True, jobs=jobs, shares=True)


def test_of_two_keepers_one_has_a_job_until_it_lets_go(job: Job) -> None:
    mine, theirs = sharing(job), sharing(job)
    assert not theirs.is_taken(job)
    claim = mine.claim(job)
    assert claim is not None
    assert (theirs.is_taken(job), theirs.claim(job)) == (True, None)
    assert keeper(job).claim(job) is not None, "who replaces everything asks nobody"
    mine.release(claim)
    assert not theirs.is_taken(job)
    assert theirs.claim(job) is not None
    theirs.close()
    assert not mine.is_taken(job)


def test_what_goes_to_no_file_is_claimed_by_nobody(job: Job) -> None:
    streamed = replace(job, sink=StandardOutput())
    mine, theirs = sharing(streamed), sharing(streamed)
    for each in (mine, theirs):
        assert each.claim(streamed) is not None
        assert not each.is_taken(streamed)


def test_no_claim_is_put_where_a_link_leads_out_of_the_folder_of_outputs(job: Job, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    for folder in (out, elsewhere):
        folder.mkdir()
    planted = replace(job, sink=FileSink(out / "beach" / "a_x2.png", out))
    (out / "beach").symlink_to(elsewhere)
    assert sharing(planted).claim(planted) is not None
    assert list(elsewhere.iterdir()) == []


def test_a_dead_claim_is_removed_with_the_rest_of_what_was_left(job: Job, tmp_path: Path) -> None:
    (dead := claim_of(tmp_path / "long-gone.png")).touch()
    os.utime(dead, (1, 1))
    keeper(job).clean()
    assert dead.exists(), "who claims nothing has nothing to do with it"
    sharing(job).clean()
    assert not dead.exists()
