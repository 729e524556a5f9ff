"""A worker tells what becomes of each job, and whether it failed for the job's own sake or for that of the device."""

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest
import torch
from PIL import Image

from nlsr_cli.batch.job import Job
from nlsr_cli.batch.planning import plan_batch
from nlsr_cli.engines.messages import Advanced, Assignment, Begun, Event, Finished, Lost, Ready, Refused, Setup, Stopped
from nlsr_cli.engines.worker import Inbox, serve
from nlsr_cli.errors import NlsrError, OutOfMemory, WeightsCorrupt
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, OutputOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.device import Placement
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.route import Aim

Maker = Callable[..., NLSN]


@pytest.fixture
def jobs(tmp_path: Path) -> tuple[Job, ...]:
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (6, 5), "teal").save(tmp_path / name)
    return plan_batch([tmp_path], OutputOptions(tmp_path / "out"), aim=Aim(SizeOptions(scale=2), (2,))).jobs


def events(make: Callable[[], Enlarger], jobs: tuple[Job, ...]) -> list[Event]:
    inbox: Inbox = Queue()
    for number, job in enumerate(jobs, 1):
        inbox.put(Assignment(number, job))
    inbox.put(None)
    told: list[Event] = []
    serve(Setup(make, (), None, None), inbox, told.append)
    return told


def enlarger(network: NLSN) -> Enlarger:
    return Enlarger(network, compute=ComputeOptions("cpu", "fp32"), floor=0)


def test_each_job_is_begun_and_finished_in_order(jobs: tuple[Job, ...], tiny_network: Maker) -> None:
    jobs[1].source.path.write_bytes(b"no picture any more")
    ready, *told = events(lambda: enlarger(tiny_network()), jobs)
    assert isinstance(ready, Ready)
    assert (ready.device, ready.precision, ready.deep_precision) == ("cpu", "fp32", "fp32")
    assert [each.number for each in told if isinstance(each, Begun)] == [1, 3]
    assert {each.number for each in told if isinstance(each, Advanced)} == {1, 3}
    done = [(each.number, each.outcome.status) for each in told if isinstance(each, Finished)]
    assert done == [(1, "done"), (2, "failed"), (3, "done")]
    assert told[-1] == Stopped(0)


def test_what_is_wrong_for_all_is_told_before_the_first(jobs: tuple[Job, ...]) -> None:
    def damaged() -> Enlarger:
        raise WeightsCorrupt("damaged")

    def broken() -> Enlarger:
        raise RuntimeError("CUDA error: all is lost\nin many lines")

    (refused,) = events(damaged, jobs)
    assert isinstance(refused, Refused)
    assert refused.error.message == "damaged"
    assert events(broken, jobs) == [Lost("CUDA error: all is lost")], "another device may be sound"


class Failing(Enlarger):
    error: Exception = OutOfMemory(64, "cuda:0")

    def steps(self, *args: object) -> Iterator[object]:  # type: ignore[override]
        raise self.error


@pytest.mark.parametrize("error", [OutOfMemory(64, "cuda:0"), RuntimeError("CUDA error: gone")])
def test_a_device_that_can_do_no_more_is_told_and_the_job_is_not_failed(
    jobs: tuple[Job, ...], tiny_network: Maker, error: Exception
) -> None:
    def failing() -> Enlarger:
        made = Failing(tiny_network(), compute=ComputeOptions("cpu", "fp32"), floor=0)
        made.error = error
        made.placement = Placement(torch.device("meta"), "fp32")  # on which nothing can be computed
        return made

    *_, last = told = events(failing, jobs)
    assert isinstance(last, Lost)
    assert not [each for each in told if isinstance(each, Finished)]


def test_what_fails_on_the_processor_is_the_jobs_own_failure(jobs: tuple[Job, ...], tiny_network: Maker) -> None:
    """It may be the one picture that is too large."""
    told = events(lambda: Failing(tiny_network(), compute=ComputeOptions("cpu", "fp32"), floor=0), jobs)
    errors = [each.outcome.error for each in told if isinstance(each, Finished)]
    assert len(errors) == 3
    assert all(isinstance(error, NlsrError) for error in errors)


def test_an_interruption_keeps_what_is_computed(jobs: tuple[Job, ...], tiny_network: Maker) -> None:
    class Interrupted(Enlarger):
        count = 0

        def steps(self, *args: object) -> Iterator[object]:  # type: ignore[override]
            Interrupted.count += 1
            if Interrupted.count == 2:
                raise KeyboardInterrupt
            return super().steps(*args)  # type: ignore[arg-type, return-value]

    told = events(lambda: Interrupted(tiny_network(), compute=ComputeOptions("cpu", "fp32"), floor=0), jobs)
    assert [(each.number, each.outcome.status) for each in told if isinstance(each, Finished)] == [(1, "done")]
    assert told[-1] == Stopped(0)
