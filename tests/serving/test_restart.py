"""What a server has accepted is done, whatever ends it, or is done by the next one, or is told as lost."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions
from nlsr_cli.serving import server as server_module
from nlsr_cli.serving.job import Job, Result, now
from nlsr_cli.serving.line import Line
from nlsr_cli.serving.making import Maker
from nlsr_cli.serving.server import Hearer
from nlsr_cli.serving.settings import ServeOptions
from nlsr_cli.serving.store import Store
from tests.conftest import skip_where_ignored
from tests.serving.serving import FAST, Running, picture, running
from tests.test_cli import NLSR


@pytest.mark.skipif(os.name == "nt", reason="needs signals of Unix")
def test_what_was_accepted_survives_a_kill_and_an_end(tmp_path: Path, tiny_network: Callable[..., NLSN]) -> None:
    """Killed in the middle of a picture, ended by a signal, and left to finish: each is done once, and rightly."""
    skip_where_ignored("SIGTERM")
    state, model = tmp_path / "state", tmp_path / "model"
    tiny_network().save_pretrained(model)
    command = [*NLSR, "serve", "--port", "0", "--device", "cpu", "--state", str(state), "--model", str(model)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    server = Running(process.stdout.readline().strip())
    data = [picture(200, 150 + step) for step in range(2)]
    names = [server.post("/v1/jobs", each, name="a.png", floor="0").json["id"] for each in data]
    process.kill()
    process.communicate()
    half = state / ("0" * 32)  # what a killed server had received half of
    half.mkdir()
    (half / "upload").write_bytes(b"half")
    (state / "mine.txt").write_text("not of any server")
    assert ended_by_a_signal(state, model) == (0, 2), "nothing is lost, and both are still to be done"
    assert not half.exists()
    with running(state=state, models=(str(model),)) as again:
        for name, each in zip(names, data, strict=True):
            job = again.wait_for(name)
            assert (job["state"], job["name"], job["model"]) == ("done", "a.png", "model")
            direct = again.post("/v1/upscale", each, floor="0").body
            assert again.ask("GET", f"/v1/jobs/{name}/result").body == direct
        assert [job["id"] for job in again.ask("GET", "/v1/jobs").json["jobs"]] == names
    assert (state / "mine.txt").exists()


def ended_by_a_signal(state: Path, model: Path) -> tuple[int, int]:
    """Serve in this thread, which gets signals, until SIGTERM comes while pictures are held back.

    Returns how many jobs are told as lost, and how many the folder still has to do.
    """

    def held(_: Maker, job: Job, upload: Path, folder: Path, on_tile: Callable[[int, int], None]) -> Result:
        while True:
            on_tile(0, 1)

    options = ServeOptions(port=0, state=state, models=(str(model),), compute=ComputeOptions("cpu"))
    hearer = Hearer(ready=lambda _: os.kill(os.getpid(), signal.SIGTERM), over=lambda _: None, trouble=lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Maker, "make", held)
        lost = server_module.serve(options, hearer)
    store = Store(state)
    left = sum(not job.is_over for job in store.found())
    store.close()
    return lost, left


def test_what_is_lost_is_told(gate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder jobs go with the server: it says how many, and its exit code is 3."""
    with running() as server:
        server.post("/v1/jobs", picture(), **FAST)
        server.post("/v1/jobs", picture(), **FAST)
        folder = Path(server.line._store.folder)
    assert server.lost == 2
    assert not folder.exists()
    monkeypatch.setattr(server_module, "serve", lambda *_, **__: 2)
    result = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert result.exit_code == 3
    assert "2 accepted pictures not done and lost: --state DIR keeps them" in result.stderr


def test_who_waits_is_told_that_the_server_ends(gate: Any) -> None:
    """The one who waits for a picture, and those who listen: nobody is left hanging."""
    with running() as server:
        listening = server.connect()
        listening.request("GET", "/v1/events")
        stream = listening.getresponse()
        waiting = server.connect()
        waiting.request("POST", "/v1/upscale?scale=2", picture())
        server.wait(lambda: server.line.unfinished)
        server.end()
        answer = waiting.getresponse()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        stream.read()
        for connection in (waiting, listening):
            connection.close()
    assert server.lost == 0, "whose client was told is not lost"


def test_two_servers_cannot_have_one_folder(tmp_path: Path) -> None:
    first = Store(tmp_path)
    with pytest.raises(OptionError, match="is used by another server"):
        Store(tmp_path)
    first.close()
    Store(tmp_path).close()
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="cannot be used"):
        Store(tmp_path / "file")


@pytest.mark.skipif(os.name == "nt", reason="needs permissions of Unix")
def test_a_folder_of_everybody_is_refused(tmp_path: Path) -> None:
    """Whoever can write there could have the server send any of its files, as a picture that it had accepted."""
    tmp_path.chmod(0o777)
    with pytest.raises(OptionError, match=r"can be changed by every user of this machine\nhint: .*chmod o-w "):
        Store(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "nlsr-serve.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OptionError, match="cannot be used"):
        Store(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
    store = Store(tmp_path / "new" / "state")
    assert store.folder.stat().st_mode & 0o777 == 0o700
    store.close()


def test_what_a_killed_server_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private folder that a server still has stays, and so does one that is just being made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alive, killed = Store(), tmp_path / "nlsr-serve-killed"
    fresh, mine = tmp_path / "nlsr-serve-fresh", tmp_path / "nlsr-serve-of-somebody"
    for folder in (killed, fresh, mine):
        folder.mkdir()
        if folder is not mine:
            (folder / "nlsr-serve.lock").touch()
    for folder in (killed, mine, alive.folder):
        os.utime(folder, (0, 0))
    Store().close()
    assert set(tmp_path.iterdir()) == {alive.folder, fresh, mine}
    alive.close()


def stored(store: Store, **changed: Any) -> str:
    """Put a job into a store, as a server before had left it, and return its name."""
    name = store.begin(0)
    store.upload(name).write_bytes(picture())
    job = Job(
        name, "a.png", {"scale": "2", "strength": 0.0}, "lite", "1.2.3.4", False, 20, 24, "PNG", "image/png", now()
    )
    store.save(replace(job, **changed))
    return name


def test_the_record_of_an_older_version_is_a_job(tmp_path: Path) -> None:
    """What had been accepted is not lost with an update that stores more."""
    store = Store(tmp_path)
    name = stored(store)
    path = tmp_path / name / "job.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**{k: v for k, v in value.items() if k not in ("status", "total")}, "later": 1}))
    assert [job.id for job in store.found()] == [name]
    store.close()


def test_a_record_that_cannot_be_read_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is started as another user must not take what was accepted for rubbish."""
    store = Store(tmp_path)
    name = stored(store)

    def forbidden(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", forbidden)
        with pytest.raises(OptionError, match=r"cannot be read: Permission denied\nhint: Start the server as the user"):
            store.found()
    assert [job.id for job in store.found()] == [name]
    store.close()


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_link_is_no_upload_and_no_result(tmp_path: Path) -> None:
    store, secret = Store(tmp_path), tmp_path / "secret"
    secret.write_text("of this machine")
    linked = stored(store)
    store.upload(linked).unlink()
    store.upload(linked).symlink_to(secret)
    name = stored(store)
    job = next(job for job in store.found() if job.id == name)
    assert not (tmp_path / linked).exists()
    assert secret.exists()
    job.result = Result(".png", "_x2", "image/png", 1, 40, 48, 0.1)
    store.results(name).mkdir()
    (store.results(name) / "upload_x2.png").symlink_to(secret)
    assert store.result(job) is None
    store.close()


def test_a_model_that_is_not_offered_any_more(tmp_path: Path) -> None:
    """A job that was accepted for it fails with the reason, and the next one is done."""
    store = Store(tmp_path)
    first, second = stored(store, model="gone"), stored(store, created=now() + 1)
    store.close()
    with running(state=tmp_path) as server:
        error = server.wait_for(first)["error"]
        assert (error["code"], error["message"]) == ("Unusable", "this server has no model 'gone' any more")
        assert server.wait_for(second)["state"] == "done"
        assert server.troubles == []


def test_a_clock_that_is_set_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small computers begin in 1970 and learn the time later; results stay for as long as was promised."""
    store = Store(tmp_path)
    past, future = (stored(store, state="failed", finished=now() + step) for step in (-50.0, 1e6))
    clock = time.monotonic()
    line = Line(store, None, ServeOptions(keep=60.0), None)  # type: ignore[arg-type]  # which do nothing here
    monkeypatch.setattr(line, "_tell", lambda job: None)
    monkeypatch.setattr(time, "time", lambda: 1e10)
    for seconds, left in ((5, {past, future}), (30, {future}), (70, set())):
        monkeypatch.setattr(time, "monotonic", lambda later=seconds: clock + later)
        line.forget_old()
        assert {job.id for job in line.jobs} == left
    store.close()


def test_a_record_that_is_damaged_is_no_job(tmp_path: Path) -> None:
    """Nor is one whose name is another job's."""
    store = Store(tmp_path)
    for number, text in enumerate(["", "[]", "{}", '{"id": "x"}', '{"state": "done"}', "[" * 100_000]):
        folder = tmp_path / f"{number:032x}"
        folder.mkdir()
        (folder / "upload").touch()
        (folder / "job.json").write_text(text)
    assert store.found() == []
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []
    store.close()


def test_without_its_packages_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlsr_cli.serving import extra

    monkeypatch.setattr(extra, "PACKAGES", {"starlette": "starlette_not_there", "uvicorn": "uvicorn"})
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 1
    assert "error: nlsr serve needs the packages starlette uvicorn" in result.stderr
    assert "-m pip install starlette uvicorn" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "can be reached by others, and needs a token"),
        (["--token", "short"], "--token must have 16 characters or more"),
        (["--port", "70000"], "--port must be from 0 to 65535"),
        (["--max-upload", "much"], "--max-upload must be an amount of memory"),
        (["--model", "nowhere"], "nowhere"),
        (["--device", "gpu"], "unknown device 'gpu'"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["serve", *words])
    assert result.exit_code == 2
    assert message in result.stderr
    assert "hint: " in result.stderr
