"""A worker elsewhere is refused by name where it would give other bytes, and finishes nothing that was given away."""

import pickle
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nlsr_cli.batch.job import Job
from nlsr_cli.batch.sharing import Claims
from nlsr_cli.batch.sink import FileSink
from nlsr_cli.batch.source import FileSource
from nlsr_cli.engines import ray_worker
from nlsr_cli.engines.messages import Assignment, Ended, Event, Ready, Refused, Setup
from nlsr_cli.engines.ray_actor import Sight, release_of_torch
from nlsr_cli.engines.ray_worker import Post, RayWorker, Terms
from nlsr_cli.errors import ModelError
from nlsr_cli.version import __version__

HERE = Sight(__version__, release_of_torch(), "3", ())
READY = Ready(1, "cpu", "bf16", "fp32", "Xeon", ("ab",))


class RayError(Exception):
    """What Ray raises of an actor that is gone."""


class Actor:
    """An actor as Ray hands it out, on which a test says what each method answers; None is no answer at all."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def remote(*given: Any) -> Any:
            self.asked.append((name, given))
            return self._answers.get(name, lambda *_: ())(*given)

        method = SimpleNamespace(remote=remote)
        method.options = lambda **_: method
        return method


class Ray:
    """As much of the module as a worker uses; an answer is a value, or an error that is raised."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, *, alive: bool = True) -> None:
        self._alive = alive
        self.killed: list[Any] = []

    def wait(self, asked: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        if asked[0] is None:
            time.sleep(timeout / 100)
            return [], asked
        return asked, []

    def get(self, asked: Any) -> Any:
        if isinstance(asked, Exception):
            raise asked
        return asked

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": "n", "Alive": self._alive}]

    def kill(self, actor: Any, *, no_restart: bool) -> None:
        assert no_restart
        self.killed.append(actor)


def lived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray: Ray, actor: Actor) -> list[Event]:
    """Give one job to a worker, and return what it tells until it is gone."""
    heard: list[Event] = []
    monkeypatch.setattr(ray_worker, "_actor", lambda *_: actor)
    setup = Setup(dict, (), None, None)  # type: ignore[arg-type]  # which nobody calls here
    worker = RayWorker(ray, Post("n", "host", 1, 0), setup, Terms("bf16", lambda: ("ab",)), Claims(), heard.append)
    worker.send(Assignment(1, Job(FileSource(tmp_path / "in.png"), FileSink(tmp_path / "out" / "a.png"))))
    worker.thread.join(20)
    assert not worker.thread.is_alive()
    assert ray.killed == [actor]
    assert list((tmp_path / "out").iterdir()) == [], "its permit is gone"
    return heard


def listened(*rounds: list[Event] | Exception | None) -> Callable[[], Any]:
    left = iter(rounds)
    return lambda: next(left)


def test_a_job_goes_out_with_the_permit_to_finish_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = Actor(look=lambda _: HERE, listen=listened([READY], [], [Ended("was killed")]))
    assert lived(tmp_path, monkeypatch, Ray(), actor) == [READY, Ended("was killed")]
    asked = dict(actor.asked)
    permit = asked["send"][0].job.sink.permit
    assert permit.parent == tmp_path / "out"
    assert list(asked["look"][0]) == [str(permit), str(tmp_path / "in.png")], "both of which it must see"
    assert isinstance(pickle.loads(asked["start"][0]), Setup)


@pytest.mark.parametrize(
    ("sight", "reason"),
    [
        (Sight("0.0.1", HERE.torch, "3", ()), f"has nlsr 0.0.1, and this machine {__version__}"),
        (Sight(HERE.nlsr, "1.13.0", "3", ()), f"has PyTorch 1.13.0, and this machine {HERE.torch}"),
        (Sight(HERE.nlsr, HERE.torch, "3", ("/there/in.png",)), "does not see /there/in.png"),
    ],
)
def test_an_unlike_machine_gets_no_job(
    sight: Sight, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = Actor(look=lambda _: sight)
    (ended,) = lived(tmp_path, monkeypatch, Ray(), actor)
    assert isinstance(ended, Ended)
    assert (ended.reason, ended.final, bool(ended.hint)) == (reason, True, True)
    assert [name for name, _ in actor.asked] == ["look"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Ready(1, "cpu", "fp32", "fp32", "Xeon", ("ab",)), "computes in fp32, and this call in bf16"),
        (Ready(1, "cpu", "bf16", "fp32", "Xeon", ("cd",)), "has other weights of the model"),
        (Refused(ModelError("/m cannot be read", "Look there.")), "/m cannot be read"),
    ],
)
def test_a_worker_that_would_give_other_bytes_is_refused(
    event: Event, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = Actor(look=lambda _: HERE, listen=listened([event]))
    (ended,) = lived(tmp_path, monkeypatch, Ray(), actor)
    assert isinstance(ended, Ended)
    assert (ended.reason, ended.final, bool(ended.hint)) == (reason, True, True)


def test_in_half_precision_the_first_processor_decides() -> None:
    terms = Terms("bf16", lambda: ("ab",))
    other = Ready(1, "cpu", "bf16", "fp32", "Epyc", ("ab",))
    terms.check_ready(READY)
    terms.check_ready(READY)
    with pytest.raises(Exception, match=r"computes in bf16 on another processor \(Epyc, not Xeon\)") as caught:
        terms.check_ready(other)
    assert "--precision fp32" in caught.value.hint
    full = Terms("fp32", lambda: ())
    for processor in ("Epyc", "Xeon"):
        full.check_ready(Ready(1, "cpu", "fp32", "fp32", processor))


@pytest.mark.parametrize(
    ("alive", "error", "expected"),
    [
        (True, RayError("killed"), Ended("was lost (RayError)")),
        (False, RayError("killed"), Ended("was lost with its machine", final=True)),
        (True, None, Ended("has not answered for 3 s", final=True)),
    ],
)
def test_what_becomes_of_a_worker_is_told(
    alive: bool, error: Exception | None, expected: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_worker, "SILENCE", 3)
    actor = Actor(look=lambda _: HERE, listen=listened([READY], error))
    assert lived(tmp_path, monkeypatch, Ray(alive=alive), actor) == [READY, expected]


def test_a_machine_without_nlsr_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = Actor(look=lambda _: RayError("ModuleNotFoundError: No module named 'nlsr_cli'"))
    (ended,) = lived(tmp_path, monkeypatch, Ray(), actor)
    assert ended == Ended("has no nlsr, or another release", final=True, hint=ray_worker._INSTALL_HINT)
