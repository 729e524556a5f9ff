"""One bad file never stops the rest, every file has an outcome, and the exit code follows from them."""

import json
import os
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nlsr_cli.batch.outcome import Outcome, Report, as_ours
from nlsr_cli.batch.planning import plan_batch
from nlsr_cli.batch.source import FileSource, StandardInput
from nlsr_cli.batch.task import Task
from nlsr_cli.engines.local import LocalEngine
from nlsr_cli.engines.watcher import TileCounter, Watcher
from nlsr_cli.errors import ExitCode, ImageReadError, NlsrError, ResultRejected, WeightsCorrupt
from nlsr_cli.images import Picture
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, OutputOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.progress import Enlarged, Step
from nlsr_cli.upscaling.route import Aim

Maker = Callable[..., NLSN]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg", "c.png"):
        Image.new("RGB", (6, 5), "teal").save(tmp_path / name)
    return tmp_path


def batch(folder: Path, make_enlarger: Callable[[], Enlarger], **output: object) -> LocalEngine:
    plan = plan_batch(
        [folder],
        OutputOptions(target=folder / "out", **output),  # type: ignore[arg-type]
        aim=Aim(SizeOptions(scale=2), (2,)),
    )
    return LocalEngine(plan, make_enlarger, Decoder())


def enlarger(model: NLSN) -> Enlarger:
    return Enlarger(model, compute=ComputeOptions("cpu", "fp32"), floor=0)


def test_every_file_has_an_outcome_and_errors_come_first(folder: Path, tiny_network: Maker) -> None:
    (folder / "b.jpg").write_bytes(b"not a picture")
    outcomes = list(batch(folder, lambda: enlarger(tiny_network())).run())
    assert [(o.source.name, o.status) for o in outcomes] == [("b.jpg", "failed"), ("a.png", "done"), ("c.png", "done")]
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a_x2.png", "c_x2.png"]
    assert outcomes[1].output_size == (10, 12)


def test_a_file_that_breaks_after_the_plan_fails_alone(folder: Path, tiny_network: Maker) -> None:
    planned = batch(folder, lambda: enlarger(tiny_network()))
    (folder / "a.png").unlink()
    (folder / "b.jpg").write_bytes((folder / "b.jpg").read_bytes()[:300])
    assert [o.status for o in planned.run()] == ["failed", "failed", "done"]


def test_a_bug_met_by_one_file_does_not_lose_the_others(folder: Path, tiny_network: Maker) -> None:
    class Flawed(Enlarger):
        calls = 0

        def steps(self, *args: object) -> object:
            Flawed.calls += 1
            if Flawed.calls == 1:
                raise ZeroDivisionError("oops")
            if Flawed.calls == 2:
                raise MemoryError
            return super().steps(*args)  # type: ignore[arg-type]

    outcomes = list(batch(folder, lambda: Flawed(tiny_network(), compute=ComputeOptions("cpu"), floor=0)).run())
    assert [o.status for o in outcomes] == ["failed", "failed", "done"]
    assert "unexpected ZeroDivisionError: oops" in str(outcomes[0].error)
    assert "does not fit in memory" in str(outcomes[1].error)


def test_no_network_is_loaded_without_work(folder: Path, tiny_network: Maker) -> None:
    def never() -> Enlarger:
        raise AssertionError

    list(batch(folder, lambda: enlarger(tiny_network())).run())
    assert [o.status for o in batch(folder, never, existing="skip").run()] == ["skipped"] * 3


def test_a_model_that_does_not_load_is_no_files_own_error(folder: Path) -> None:
    def damaged() -> Enlarger:
        raise WeightsCorrupt("damaged")

    with pytest.raises(WeightsCorrupt):
        list(batch(folder, damaged).run())


def test_an_output_that_appears_meanwhile_is_kept(folder: Path, tiny_network: Maker) -> None:
    planned = batch(folder, lambda: enlarger(tiny_network()))
    (folder / "out").mkdir()
    (folder / "out" / "a_x2.png").write_text("mine")
    outcomes = {o.source.name: o for o in planned.run()}
    assert outcomes["a.png"].status == "failed"
    assert (folder / "out" / "a_x2.png").read_text() == "mine"


def test_interrupt_leaves_only_whole_files_and_tells_of_each(folder: Path, tiny_network: Maker) -> None:
    """A picture that was computed is written, and counts, though Ctrl-C comes while the next one is computed."""
    calls: list[int] = []

    def interrupt(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 2:
            raise KeyboardInterrupt

    outcomes = batch(folder, lambda: enlarger(tiny_network())).run(TileCounter(interrupt))
    assert next(outcomes).source.name == "a.png"
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)
    assert [path.name for path in (folder / "out").iterdir()] == ["a_x2.png"]


def test_the_next_picture_is_read_and_the_last_one_written_meanwhile(folder: Path, tiny_network: Maker) -> None:
    """When the network has done its second picture, the first lies on disk though nobody has asked for more."""
    (folder / "b.jpg").write_bytes(b"not a picture")
    order: list[str] = []

    class Slow(Enlarger):
        def steps(self, picture: Picture) -> Generator[tuple[int, int], None, Enlarged]:
            order.append(threading.current_thread().name)
            enlarged = yield from super().steps(picture)
            deadline = time.monotonic() + 10
            while len(order) == 2 and not (folder / "out" / "a_x2.png").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            return enlarged

    outcomes = batch(folder, lambda: Slow(tiny_network(), compute=ComputeOptions("cpu"))).run()
    assert [(next(outcomes).source.name, len(order)) for _ in range(3)] == [("b.jpg", 0), ("a.png", 2), ("c.png", 2)]
    assert order == [threading.main_thread().name] * 2, "the network stays where Ctrl-C arrives"


def test_with_a_limit_of_memory_large_pictures_are_alone(folder: Path, tiny_network: Maker) -> None:
    """None is read while another one is computed or written: each may take all that is allowed."""
    for name in ("a.png", "b.jpg", "c.png"):
        Image.new("RGB", (1200, 1800), "teal").save(folder / name)
    options = UpscaleOptions(max_memory=2**31)
    plan = plan_batch([folder], OutputOptions(folder / "out"), options, aim=Aim(SizeOptions(scale=2), (2,)))
    events: list[str] = []

    class Watched(LocalEngine):
        def __init__(self) -> None:
            super().__init__(plan, lambda: enlarger(tiny_network()), Decoder())
            read, finish = self._intake.read, self._delivery.finish
            self._intake.read = self._noted("read", read)  # type: ignore[method-assign]
            self._delivery.finish = self._noted("write", finish)  # type: ignore[method-assign]

        def _noted(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
            def noted(each: Any) -> Any:
                events.append(f"{name} begins")
                made = work(each)
                events.append(f"{name} ends")
                return made

            return noted

    assert [outcome.status for outcome in Watched().run()] == ["done"] * 3
    assert events == ["read begins", "read ends", "write begins", "write ends"] * 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes")
def test_a_pipe_is_not_read_ahead(folder: Path) -> None:
    """Nobody may ever write to it: a thread that waits there would keep the process after Ctrl-C."""
    os.mkfifo(folder / "pipe")
    found = {path.name: FileSource(path).ends for path in folder.iterdir()}
    assert found == {"a.png": True, "b.jpg": True, "c.png": True, "pipe": False}
    assert not StandardInput().ends


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["done", "done"], ExitCode.OK),
        (["done", "skipped"], ExitCode.OK),
        (["skipped"], ExitCode.OK),
        (["done", "failed"], ExitCode.PARTIAL),
        (["skipped", "failed"], ExitCode.PARTIAL),
        (["failed"], ExitCode.ERROR),
        (["planned", "failed"], ExitCode.PARTIAL),
        (["failed", "failed"], ExitCode.ERROR),
    ],
)
def test_exit_code_follows_from_the_outcomes(statuses: list[str], code: ExitCode) -> None:
    report = Report()
    for status in statuses:
        error = NlsrError("broken") if status == "failed" else None
        report.add(Outcome(Path("a"), None, status, error=error))
    assert report.exit_code == code
    assert report.as_json()["summary"]["exit_code"] == int(code)
    report.interrupted = True
    assert report.exit_code == ExitCode.INTERRUPTED


def test_outcome_as_json_is_plain() -> None:
    error = NlsrError("what", "do this")
    values = Outcome(Path("a"), None, "failed", input_size=(3, 4), error=error).as_json()
    assert json.loads(json.dumps(values)) == values
    assert values["error"] == {"type": "NlsrError", "message": "what", "hint": "do this"}
    assert values["input_size"] == {"height": 3, "width": 4}


def test_errors_name_their_file_once(tmp_path: Path) -> None:
    """In a folder of a thousand files, an error without a name is none."""
    for error in (
        NlsrError("the network gives nonsense"),
        ZeroDivisionError("oops"),
        ImageReadError("a.png", "is empty"),
    ):
        assert as_ours(error, Path("a.png")).message.count("a.png") == 1


def test_a_result_that_is_not_the_picture_is_not_written(folder: Path, tiny_network: Maker) -> None:
    """A network without training makes something of every picture; with a floor, nobody gets it for an enlargement."""
    for path in folder.iterdir():  # of one colour it would keep that, whatever the network
        picture = Image.new("RGB", (6, 5), "teal")
        picture.putpixel((2, 2), (0, 120, 140))
        picture.save(path, quality=100)
    outcomes = list(batch(folder, lambda: Enlarger(tiny_network(), compute=ComputeOptions("cpu"), floor=20)).run())
    assert {type(outcome.error) for outcome in outcomes} == {ResultRejected}
    assert "does not match the picture" in str(outcomes[0].error)
    assert not list(folder.glob("*_x2*"))


def test_a_link_planted_while_a_picture_is_computed_leads_nowhere(
    folder: Path, tiny_network: Maker, tmp_path: Path
) -> None:
    """After the look for links that is taken before the work, and before the output is written."""
    (folder / "sub").mkdir()
    (folder / "a.png").rename(folder / "sub" / "a.png")
    (folder / "b.jpg").unlink()
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    plan = plan_batch([folder], OutputOptions(target=out, recursive=True), aim=Aim(SizeOptions(scale=2), (2,)))
    run = LocalEngine(plan, lambda: enlarger(tiny_network()), Decoder())
    begun: list[str] = []

    class Begun(Watcher):
        def on_start(self, task: Task) -> None:
            begun.append(task.job.source.path.name)

        def on_step(self, step: Step) -> None:
            if begun[-1] == "a.png" and step.done == step.total:
                (out / "sub").symlink_to(elsewhere)

    outcomes = {outcome.source.name: outcome for outcome in run.run(Begun())}
    assert (out / "sub").is_symlink()
    assert outcomes["a.png"].status == "failed"
    assert "leads out of" in str(outcomes["a.png"].error)
    assert outcomes["c.png"].status == "done"
    assert not list(elsewhere.iterdir())


def test_a_link_planted_after_the_plan_leads_nowhere(folder: Path, tiny_network: Maker, tmp_path: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "a.png").rename(folder / "sub" / "a.png")
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    plan = plan_batch([folder], OutputOptions(target=out, recursive=True), aim=Aim(SizeOptions(scale=2), (2,)))
    out.mkdir()
    (out / "sub").symlink_to(elsewhere)
    run = LocalEngine(plan, lambda: enlarger(tiny_network()), Decoder())
    outcomes = {outcome.source.name: outcome for outcome in run.run()}
    assert outcomes["a.png"].status == "failed"
    assert "leads out of" in str(outcomes["a.png"].error)
    assert outcomes["b.jpg"].status == "done"
    assert not list(elsewhere.iterdir())
