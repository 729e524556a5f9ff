"""What is done stays done, and what is not ours stays there, whatever happens between two looks at a place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from nlsr_cli.errors import DestinationClash
from nlsr_cli.options import ComputeOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.cascade import Aim
from nlsr_cli.upscaling.identity import Identity
from nlsr_cli.upscaling.ledger import LEDGER_NAME
from nlsr_cli.upscaling.planning import Job
from nlsr_cli.upscaling.resume import DONE, MEANWHILE, Keeper, Verdict
from nlsr_cli.zoo import find_models

OLD, NEW = (hashlib.sha256(data).hexdigest() for data in (b"old input", b"new input"))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    route = Aim(SizeOptions(scale=2), (2, 3, 4)).route(20, 30)
    return Job(tmp_path / "a.png", tmp_path / "a_x2.png", "PNG", route=route)


def keeper(job: Job, strength: float = 1.0) -> Keeper:
    """Return what another process would have for the same call."""
    options = UpscaleOptions(compute=ComputeOptions("cpu", "fp32"), strength=strength)
    return Keeper(Identity(options, find_models("lite")), existing="resume", ledger=True, jobs=[job])


def store(mine: Keeper, job: Job, verdict: Verdict, data: bytes, content: str = OLD) -> Verdict:
    stored, notes = mine.store(job, verdict, content, data)
    assert notes == ()
    return stored


def test_what_is_stored_is_done_for_everybody(job: Job) -> None:
    store(keeper(job), job, Verdict(), b"output")
    found = keeper(job).look(job, lambda: OLD)
    assert (found.action, found.reason) == ("skip", DONE)
    assert keeper(job).look(job, lambda: NEW).reason == "its input has changed"
    assert keeper(job, strength=0.5).look(job, lambda: OLD).reason == "other options (--strength)"


def test_a_ledger_that_tells_no_options_names_none(job: Job) -> None:
    store(keeper(job), job, Verdict(), b"output")
    path = job.target.with_name(LEDGER_NAME)
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
    assert job.target.read_bytes() == b"theirs"
    job.target.write_bytes(b"a stranger's")
    with pytest.raises(DestinationClash, match="was changed since nlsr wrote it"):
        store(mine, job, Verdict(), b"mine")
    assert job.target.read_bytes() == b"a stranger's"


def test_what_is_to_be_replaced_is_still_ours_when_it_is(job: Job) -> None:
    """Somebody may have worked on it while the new one was computed."""
    store(keeper(job), job, Verdict(), b"old output")
    mine = keeper(job)
    verdict = mine.look(job, lambda: NEW)
    assert verdict.action == "replace"
    job.target.write_bytes(b"retouched by hand")
    with pytest.raises(DestinationClash, match="was changed since nlsr wrote it"):
        store(mine, job, verdict, b"new output", NEW)
    assert job.target.read_bytes() == b"retouched by hand"
    job.target.write_bytes(b"old output")
    assert store(mine, job, verdict, b"new output", NEW) == verdict
    assert job.target.read_bytes() == b"new output"
