"""A claim is of one process at a time, ends with it however it ends, and stands in nobody's way for ever."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nlsr_cli.batch import sharing as module
from nlsr_cli.batch.sharing import Claim, Claims, claim_of, claims_in, holders_in, remove_dead_claims
from nlsr_cli.batch.sink import FileSink
from nlsr_cli.errors import ImageWriteError
from tests.conftest import skip_where_ignored

ROOT = Path(__file__).parents[2]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "a_x2.png"


def other_process(target: Path, then: str = "time.sleep(600)") -> subprocess.Popen[str]:
    """Start a process that has claimed an output."""
    code = f"""
import sys, time, os, pathlib
from nlsr_cli.batch.sharing import Claims
claims = Claims()
claim = claims.take(pathlib.Path(sys.argv[1]))
print("busy" if claim is None else "mine", flush=True)
{then}
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(target)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    return process


def by_another_machine(monkeypatch: pytest.MonkeyPatch, target: Path, age: float) -> None:
    """Leave the claim of a process on another machine, which touched it for the last time so many seconds ago."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "_kernel", lambda: "another")
        claim = Claim(claim_of(target))
        assert claim.make(target.name)
    assert claim._descriptor is not None
    os.close(claim._descriptor)
    then = time.time() - age
    os.utime(claim_of(target), (then, then))


def test_one_has_it_until_it_lets_go(target: Path) -> None:
    mine, theirs = Claims(), Claims()
    claim = mine.take(target)
    assert claim is not None
    assert theirs.take(target) is None
    assert mine.take(target) is None, "not even twice in one process"
    mine.release(claim)
    assert claims_in(target.parent) == []
    again = theirs.take(target)
    assert again is not None
    mine.release(claim)
    assert mine.take(target) is None, "to let go twice takes nothing from others"
    theirs.close()
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_made(target: Path) -> None:
    assert Claims().take(target.parent / "new" / "er" / "a.png") is not None


def test_outputs_have_claims_of_their_own_whatever_their_names_are(target: Path) -> None:
    claims = Claims()
    for name in ("a_x2.png", "b_x2.png", "x" * 255, os.fsdecode(b"\xff.png")):
        assert claims.take(target.with_name(name)) is not None
    assert len(claims_in(target.parent)) == 4
    claims.close()
    assert claims_in(target.parent) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such end")
def test_whoever_is_killed_is_succeeded_at_once(target: Path) -> None:
    process, claims = other_process(target), Claims()
    assert claims.take(target) is None
    assert [said["process"] for said in holders_in(target.parent)] == [process.pid]
    process.kill()
    process.communicate()
    assert list(holders_in(target.parent)) == []
    assert claims.take(target) is not None
    claims.close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no such signal")
def test_whoever_is_stopped_on_this_machine_keeps_it(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long ago its last touch is: it goes on later, and would have its picture computed twice."""
    skip_where_ignored("SIGTERM")
    process = other_process(target)
    os.utime(claim_of(target), (1, 1))
    assert Claims().take(target) is None
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("age", "free"), [(0.0, False), (module.STALE - 5, False), (module.STALE + 5, True)])
def test_another_machine_is_dead_when_it_has_not_touched_it(
    target: Path, monkeypatch: pytest.MonkeyPatch, age: float, free: bool
) -> None:
    """Its lock does not reach here, so that it can be had in any case."""
    by_another_machine(monkeypatch, target, age)
    assert (Claims().take(target) is not None) is free


def test_without_locks_touches_tell(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lock", lambda *_, **__: None)
    mine = Claims()
    assert mine.take(target) is not None
    assert Claims().take(target) is None
    os.utime(claim_of(target), (1, 1))
    assert Claims().take(target) is not None


def test_a_claim_without_a_word_is_that_of_who_is_just_making_it(target: Path) -> None:
    """Or of who was killed at that moment: then its age tells."""
    claim_of(target).touch()
    assert Claims().take(target) is None
    os.utime(claim_of(target), (1, 1))
    assert Claims().take(target) is not None


def test_time_is_that_of_the_file_system(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this machine may be an hour ahead of that of the server."""
    by_another_machine(monkeypatch, target, 0)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert Claims().take(target) is None


def test_a_claim_is_touched_as_long_as_it_is_held(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.02)
    claims = Claims()
    claim = claims.take(target)
    assert claim is not None
    os.utime(claim_of(target), (1, 1))
    deadline = time.monotonic() + 10
    while claim_of(target).stat().st_mtime < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert claim_of(target).stat().st_mtime > 2
    claims.close()
    assert claims._thread is not None
    claims._thread.join(10)
    assert not claims._thread.is_alive()


def test_nobody_touches_or_removes_the_claim_of_another(target: Path) -> None:
    """Who was taken for dead in error, and goes on."""
    claims = Claims()
    claim = claims.take(target)
    assert claim is not None
    claim_of(target).unlink()
    claim_of(target).write_bytes(b"theirs")
    os.utime(claim_of(target), (1, 1))
    claim.beat()
    claims.release(claim)
    assert (claim_of(target).read_bytes(), claim_of(target).stat().st_mtime) == (b"theirs", 1)


def test_where_no_claim_can_be_made_the_work_goes_on(target: Path) -> None:
    """Whatever is in the way: the output is written all the same, or what keeps it from being written is told then."""
    claim_of(target).symlink_to("elsewhere")
    claims = Claims()
    claim = claims.take(target)
    assert claim is not None
    claims.release(claim)
    assert claim_of(target).is_symlink()
    (target.parent / "file").touch()
    assert claims.take(target.parent / "file" / "a.png") is not None
    Claim(target).release()


def test_dead_claims_are_removed_and_those_of_others_stay(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_another_machine(monkeypatch, target, module.STALE + 5)
    claims = Claims()
    claims.take(target.with_name("b.png"))
    remove_dead_claims(target.parent)
    assert claims_in(target.parent) == [claim_of(target.with_name("b.png"))]
    remove_dead_claims(target.parent / "gone")
    claims.close()


def test_an_interruption_while_a_claim_is_made_leaves_none(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    claims = Claims()
    with monkeypatch.context() as patch:
        patch.setattr(module, "lock", interrupt)
        with pytest.raises(KeyboardInterrupt):
            claims.take(target)
    assert len(claims_in(target.parent)) == 1
    claims.close()
    assert claims_in(target.parent) == []


def test_a_claim_says_whose_it_is(target: Path) -> None:
    claims = Claims()
    claims.take(target)
    said = json.loads(claim_of(target).read_text())
    assert (said["output"], said["process"]) == (target.name, os.getpid())
    assert abs(said["since"] - time.time()) < 60
    assert [each["host"] for each in holders_in(target.parent)] == [said["host"]]
    claims.close()


def test_of_many_at_once_one_wins(target: Path) -> None:
    """Also the claim of one that is dead."""
    by_another = claim_of(target)
    by_another.touch()
    os.utime(by_another, (1, 1))
    won: list[Claim] = []
    barrier = threading.Barrier(8)

    def take() -> None:
        barrier.wait()
        claim = Claims().take(target)
        if claim is not None:
            won.append(claim)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_permit_stands_as_long_as_it_is_held(target: Path) -> None:
    """It is no claim on an output, and goes with its holder like one."""
    claims, others = Claims(), Claims()
    permit = claims.permit(target.parent, "worker")
    assert permit.path.exists()
    remove_dead_claims(target.parent)
    assert permit.path.exists()
    assert list(holders_in(target.parent)) == []
    assert others.permit(target.parent, "worker").path != permit.path
    claims.release(permit)
    others.close()
    assert [path.name for path in target.parent.glob("*.permit")] == []


def test_without_its_permit_an_output_gets_no_name(target: Path) -> None:
    """Not even where it might replace what stands there: a worker that was given up wakes up after a new call."""
    claims = Claims()
    permit = claims.permit(target.parent, "worker")
    sink = FileSink(target, overwrite=True, permit=permit.path)
    with sink.begin() as part:
        part.append(b"in time")
        part.commit()

    def late() -> None:
        with sink.begin() as part:
            part.append(b"too late")
            claims.release(permit)
            part.commit()

    with pytest.raises(ImageWriteError, match="another worker has it by now"):
        late()
    assert target.read_bytes() == b"in time"
    assert [path.name for path in target.parent.iterdir()] == [target.name], "and no part is left"
