"""Which worker has which job: each is done once, goes elsewhere when its worker ends, and is given up in the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nlsr_cli.batch.job import Job
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.sink import FileSink
from nlsr_cli.batch.source import FileSource
from nlsr_cli.engines.messages import (
    Advanced,
    Assignment,
    Begun,
    Ended,
    Event,
    Finished,
    Lost,
    Ready,
    Refused,
    Stopped,
    Tell,
)
from nlsr_cli.engines.pool import AHEAD, TRIES, Place, Pool
from nlsr_cli.engines.watcher import Watcher
from nlsr_cli.errors import NlsrError, WeightsCorrupt
from nlsr_cli.upscaling.progress import Step


@dataclass
class Fake:
    """A worker that does what a test says, when it says so."""

    tell: Tell
    orders: list[Assignment] = field(default_factory=list)
    is_stopped: bool = False
    is_killed: bool = False
    stops: Callable[["Fake"], None] = lambda self: self.tell(Ended("ended"))

    def send(self, order: Assignment) -> None:
        self.orders.append(order)

    def stop(self) -> None:
        self.is_stopped = True
        self.stops(self)

    def kill(self) -> None:
        self.is_killed = True

    @property
    def names(self) -> list[str]:
        return [order.job.source.name for order in self.orders]

    def finish(self, place: int = 0) -> None:
        order = self.orders.pop(place)
        self.tell(Begun(order.number))
        source = order.job.source
        self.tell(Finished(order.number, Outcome(source.path, order.job.sink.path, "done", name=source.name)))

    def die(self, event: Event = Ended("was killed")) -> None:  # noqa: B008 - a frozen value
        self.tell(event)


class Told(Watcher):
    def __init__(self) -> None:
        self.said: list[str] = []

    def on_begun(self, job: Job) -> None:
        self.said.append(f"begun {job.source.name}")

    def on_advanced(self, job: Job, step: Step) -> None:
        self.said.append(f"{job.source.name} {step.done}/{step.total}")

    def on_finished(self, job: Job) -> None:
        self.said.append(f"finished {job.source.name}")

    def on_trouble(self, text: str) -> None:
        self.said.append(text)


class Stage:
    """A pool of fakes, and what came of its jobs."""

    def __init__(self, count: int, hire: Callable[[int, Tell], Fake] | None = None) -> None:
        self.hired: list[list[Fake]] = [[] for _ in range(count)]
        self.told = Told()

        def hiring(number: int, tell: Tell) -> Fake:
            worker = hire(number, tell) if hire else Fake(tell)
            self.hired[number].append(worker)
            return worker

        self.pool = Pool(
            [Place(f"worker {n}", lambda tell, number=n: hiring(number, tell)) for n in range(count)]  # type: ignore[misc]
        )
        self.came: dict[str, Outcome] = {}

    def give(self, *names: str) -> None:
        for index, name in enumerate(names):
            job = Job(FileSource(Path(name)), FileSink(Path(f"{name}_x2")))
            self.pool.give(job, len(names) - index - 1)

    def hear(self) -> None:
        for _, outcome in self.pool.heard(self.told, 0):
            assert outcome.name not in self.came
            self.came[outcome.name] = outcome

    def __getitem__(self, number: int) -> Fake:
        return self.hired[number][-1]

    @property
    def errors(self) -> dict[str, str]:
        return {name: each.error.message for name, each in self.came.items() if each.error is not None}


def test_jobs_are_shared_out_and_told_of() -> None:
    stage = Stage(2)
    stage.give(*"abcdef")
    assert (stage[0].names, stage[1].names) == (["a", "c", "e"], ["b", "d", "f"])
    assert not stage.pool.has_room(9), "each has as many as it can use at once"
    stage[0].tell(Ready(1, "cpu", "bf16", "fp32"))
    stage[0].tell(Advanced(1, Step(1, 2, 10, 20)))
    stage[0].finish()
    stage.hear()
    assert stage.told.said == ["a 1/2", "begun a", "finished a"]
    assert stage.pool.ready == Ready(1, "cpu", "bf16", "fp32")
    assert stage.pool.has_room(1)
    for worker in (stage[0], stage[1]):
        while worker.orders:
            worker.finish()
    stage.hear()
    assert sorted(stage.came) == list("abcdef")
    assert not stage.pool.is_busy


def test_when_few_are_left_nobody_has_many() -> None:
    """Or one worker would have a queue while another one has nothing to do."""
    stage = Stage(3)
    stage.give("a", "b", "c", "d")
    assert [len(each[-1].orders) for each in stage.hired] == [2, 1, 1]
    assert not Stage(2).hired[0], "nobody is started before there is work"


def test_what_a_dead_worker_had_is_done_by_others_each_alone() -> None:
    stage = Stage(2)
    stage.give(*"abcdef")
    dead = stage[0]
    dead.die()
    stage.hear()
    assert stage.told.said == ["worker 0 was killed: what it had is done again"]
    assert not stage.pool.has_room(9), "suspects come first"
    for _ in range(3):
        stage[1].finish()
    stage.hear()
    assert stage[1].names == ["a"]
    assert stage[1].orders[0].again
    stage[1].finish()
    stage.hear()
    stage[1].finish()
    stage.hear()
    stage[1].finish()
    stage.hear()
    assert sorted(stage.came) == list("abcdef")
    assert not stage.errors
    dead.tell(Ended("once more"))
    stage.hear()
    assert len(stage.told.said) == 13, "the last words of one that is gone are not heard"


def test_a_job_over_which_workers_end_is_given_up_by_name() -> None:
    stage = Stage(2)
    stage.give("poison", "b")
    seen = []
    while "poison" not in stage.came:
        (worker,) = [each[-1] for each in stage.hired if each and each[-1].names == ["poison"]]
        seen.append(worker)
        worker.orders.clear()
        worker.die()
        if stage[1].names == ["b"]:
            stage[1].finish()
        stage.hear()
        stage.hear()
    assert len(seen) == TRIES
    assert stage.errors == {"poison": "poison: 3 workers ended while they had it"}
    stage.give("c", "d")
    stage[0].finish()
    stage[1].finish()
    stage.hear()
    assert stage.came["c"].status == stage.came["d"].status == "done", "their places are as good as before"


def test_a_device_that_can_do_no_more_gets_no_more() -> None:
    stage = Stage(2)
    stage.give("a", "b")
    stage[0].die(Lost("CUDA error"))
    stage[1].finish()
    stage.hear()
    assert stage[1].names == ["a"]
    stage[1].finish()
    stage.hear()
    assert stage.told.said[2] == "worker 0 lost its device (CUDA error): no more work goes there"
    stage.give("c", "d")
    assert (len(stage.hired[0]), stage[1].names) == (1, ["c", "d"])


def test_a_place_where_one_worker_after_another_ends_gets_no_more() -> None:
    stage = Stage(2)
    for name in ("a", "b", "c"):
        stage.give(f"{name}1", f"{name}2")
        stage[0].die()
        stage[1].finish()
        stage.hear()
        stage[1].finish()
        stage.hear()
    assert len(stage.hired[0]) == TRIES
    troubles = [text for text in stage.told.said if text.startswith("worker")]
    assert troubles == ["worker 0 was killed: what it had is done again"] * 2 + [
        "worker 0 was killed: no more work goes there"
    ]
    stage.give("d", "e")
    assert stage[1].names == ["d", "e"]


def test_without_any_worker_jobs_fail_and_say_why() -> None:
    stage = Stage(2)
    stage.give("a", "b")
    stage[0].die(Lost("gone"))
    stage[1].die(Lost("gone too"))
    stage.hear()
    why = "no worker is left; the last one, worker 1 lost its device (gone too)"
    assert stage.errors == {"a": f"a: {why}", "b": f"b: {why}"}
    assert stage.pool.lost == "worker 1 lost its device (gone too)"
    assert not stage.pool.has_room(5)


def test_a_worker_that_cannot_be_started_is_done_without() -> None:
    def hire(number: int, tell: Tell) -> Fake:
        if number == 0:
            raise NlsrError("no more processes")
        return Fake(tell)

    stage = Stage(2, hire)
    stage.give("a", "b")
    stage.hear()
    assert stage[1].names == ["a"]
    assert stage.told.said == ["worker 0 could not be started: no more processes"]
    stage[1].finish()
    stage.hear()
    assert stage[1].names == ["b"]


def test_what_would_fail_for_every_file_is_raised() -> None:
    stage = Stage(2)
    stage.give("a", "b")
    stage[1].die(Refused(WeightsCorrupt("damaged")))
    with pytest.raises(WeightsCorrupt):
        stage.hear()


def test_an_interruption_stops_all_and_counts_what_is_done() -> None:
    def stops(self: Fake) -> None:
        self.finish()
        self.tell(Stopped(7))
        self.tell(Ended("ended"))

    stage = Stage(2, lambda _, tell: Fake(tell, stops=stops))
    stage.give("a", "b", "c", "d")
    assert [outcome.name for _, outcome in stage.pool.stopped()] == ["a", "b"]
    assert stage.pool.rows_kept == 14
    assert not stage.pool.is_busy
    assert not stage[0].is_killed
    assert not stage.pool.has_killed


def test_who_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlsr_cli.engines.pool.PATIENCE", 0.05)
    stage = Stage(1, lambda _, tell: Fake(tell, stops=lambda self: None))
    stage.give(*"abc"[:AHEAD])
    stage.pool.close()
    assert stage[0].is_stopped
    assert stage[0].is_killed
    assert stage.pool.has_killed


def test_who_is_refused_is_named_with_what_helps_and_blames_no_job() -> None:
    stage = Stage(4)
    stage.give("a")
    for number in range(3):
        stage[number].die(Ended("has nlsr 0.0.1", final=True, hint="Install the same."))
        stage.hear()
    assert stage.told.said[-1] == "worker 2 has nlsr 0.0.1: no more work goes there. Install the same."
    stage[3].tell(Ready(1, "cpu", "fp32", "fp32"))
    stage[3].finish()
    stage.hear()
    assert stage.came["a"].status == "done"
    assert len([each for each in stage.hired if each]) == 4


def test_where_all_are_refused_that_is_raised_once() -> None:
    stage = Stage(2)
    stage.give("a", "b", "c")
    stage[0].die(Ended("does not see /in", final=True, hint="share it"))
    stage[1].die(Ended("does not see /in", final=True, hint="share it"))
    with pytest.raises(NlsrError, match="no worker can begin: worker 0 does not see /in; worker 1 does not") as caught:
        stage.hear()
    assert caught.value.hint == "share it"
