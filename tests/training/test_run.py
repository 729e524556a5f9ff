"""A run: it can be broken off anywhere and gone on with, keeps its best, and fails without losing anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nlsr_cli.errors import OptionError, RunFolderError, TrainingDiverged, TrainingTooLarge
from nlsr_cli.nlsn.presets import PRESETS
from nlsr_cli.options import ComputeOptions
from nlsr_cli.training import run as run_module
from nlsr_cli.training.events import Event, Finished, Interrupted, Paused, Progressed, Resumed, Slowed, Validated
from nlsr_cli.training.plan import Plan
from nlsr_cli.training.recipe import Budget
from nlsr_cli.training.run import prepare
from nlsr_cli.training.status import read_status
from nlsr_cli.training.trainer import Trainer
from nlsr_cli.zoo import load_model, resolve, verify
from tests.training.photographs import TINY, save_photographs, tiny_plan

CPU = ComputeOptions("cpu", "fp32")


@pytest.fixture(autouse=True)
def _small_lite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        PRESETS, "lite", {**PRESETS["lite"], "n_feats": 8, "n_resblocks": 1, "chunk_size": 16, "attention_at": (1,)}
    )


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    """Return a maker of plans for 45 steps with a validation every 12; the losses are read every 20."""
    save_photographs(tmp_path / "photos")

    def make(folder: str = "run", **settings: object) -> Plan:
        defaults = {"budget": Budget(steps=45), "every": 12, "compute": CPU, "out": str(tmp_path / folder)}
        return tiny_plan(tmp_path, **{**defaults, **settings})

    return make


def train(plan: Plan, stop_at: int | None = None) -> list[Event]:
    with prepare(plan) as run:
        return list(run.train(lambda: run.step == stop_at))


def log(plan: Plan) -> list[list[str]]:
    """Return the log without its times."""
    rows = [line.split(",") for line in (Path(plan.out) / "log.csv").read_text().splitlines()]
    return [[row[0], *row[2:5]] for row in rows]


@pytest.mark.parametrize("breaks", [[7], [12], [13, 13, 44], [0, 20, 45]])
def test_a_broken_run_equals_an_unbroken_one(plan: Callable[..., Plan], breaks: list[int]) -> None:
    """The same log but for times, the same model byte for byte, whatever step the breaks came at."""
    whole = plan("whole")
    events = train(whole)
    broken = plan("broken")
    for at in breaks:
        stopped = train(broken, at)
        assert stopped[-1] == Interrupted(at)
        assert (Path(broken.out) / "model").exists() == (at > 12), "the best of the first validation is there by then"
        broken = replace(broken, resume=True)
    train(broken)
    assert log(broken) == log(whole)
    assert [row[0] for row in log(whole)] == ["step", "12", "24", "36", "45"]
    weights = [(Path(each.out) / "model" / "model.safetensors").read_bytes() for each in (whole, broken)]
    assert weights[0] == weights[1]
    kinds = [type(event) for event in events if not isinstance(event, Progressed)]
    assert kinds == [Validated] * 4 + [Finished]


def test_the_best_is_exported_not_the_last(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """Validations that fall must not cost what was had before, through a break too."""
    psnrs: Iterator[float] = iter([20.0, 30.0, 25.0, 28.0])
    seen: list[torch.Tensor] = []

    def fake(model: torch.nn.Module, *_: object) -> float:
        seen.append(model.state_dict()["head.0.weight"].clone())
        return next(psnrs)

    monkeypatch.setattr(run_module, "validate", fake)
    train(plan(), 30)
    *_, finished = train(plan(resume=True))
    assert isinstance(finished, Finished)
    assert finished.best_step == 24
    exported = load_model(resolve(str(finished.models[0].model), None)).state_dict()["head.0.weight"]
    assert torch.equal(exported, seen[1])
    assert not torch.equal(exported, seen[3])


def test_models_are_exported_on_the_way_where_that_is_worth_it(
    plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first, then whatever is better than the exported one by the least gain; through a break too."""
    psnrs: Iterator[float] = iter([20.0, 20.015, 20.025, 20.01, 20.05, 20.06])
    monkeypatch.setattr(run_module, "validate", lambda *_: next(psnrs))
    given = {"budget": Budget(steps=60), "every": 10}
    events = train(plan(**given), 22)
    model = Path(plan().out) / "model"
    assert all(finding.ok for finding in verify(resolve(str(model), 2)))
    card = (model / "README.md").read_text()
    assert "10 steps in " in card
    assert (
        "; the run had not finished and had used 17% of its budget; the export holds the averaged weights after step 10"
        in card
    )
    events += train(plan(resume=True, **given))
    exported = [event.row.step for event in events if isinstance(event, Validated) and event.models]
    assert exported == [10, 30, 50], "not 20: it is better by less than that; not 60: that is the end"
    assert isinstance(events[-1], Finished)
    assert events[-1].best_step == 60
    assert "had not finished" not in (model / "README.md").read_text()


def test_an_export_that_a_kill_prevented_is_made_up_for(
    plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is saved first; the next validation sees that the best was not exported, though it is no better."""
    psnrs: Iterator[float] = iter([20.0, 19.0, 19.0, 19.0])
    monkeypatch.setattr(run_module, "validate", lambda *_: next(psnrs))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("nlsr_cli.training.export.save_model", killed)
        with pytest.raises(KeyboardInterrupt):
            train(plan())
    assert not (Path(plan().out) / "model" / "model.safetensors").exists()
    events = train(plan(resume=True), 25)
    assert [event.models != () for event in events if isinstance(event, Validated)] == [True]
    assert "after step 12," in (Path(plan().out) / "model" / "README.md").read_text()


def test_a_pause_is_saved_and_not_counted(plan: Callable[..., Plan]) -> None:
    """Begun in a step and in a validation, by a signal and by a file: the run is that of one without pauses."""
    whole, paused = plan("whole"), plan("paused")
    train(whole)
    asked: list[int] = []

    def pause() -> bool:
        asked.append(run.step)
        return asked.count(5) in (1, 2, 3) or (run.step == 12 and asked.count(12) in (2, 3, 4))

    events = []
    with prepare(paused) as run:
        for event in run.train(pause=pause):
            events.append(event)
            if isinstance(event, Paused):
                status = read_status(run.folder.path)
                assert (status.state, status.step, status.end) == ("paused", run.step, None)
                assert run.folder.load({}).trainer["steps"] == run.step
                before = run.seconds
            elif isinstance(event, Resumed):
                assert event.seconds > run_module.PAUSE_SECONDS
                assert run.seconds - before < event.seconds, "the budget does not count it"
                assert read_status(run.folder.path).state == "running"
    kinds = [(type(event), event.step) for event in events if isinstance(event, Paused | Resumed)]
    assert kinds == [(Paused, 5), (Resumed, 5), (Paused, 12), (Resumed, 12)]
    assert log(paused) == log(whole)
    weights = [(Path(each.out) / "model" / "model.safetensors").read_bytes() for each in (whole, paused)]
    assert weights[0] == weights[1]


def test_a_file_pauses_and_stopping_works_meanwhile(plan: Callable[..., Plan]) -> None:
    """It may be there before the run is; the seconds of a run that is stopped in a pause are those of its work."""
    out = Path(plan().out)
    out.mkdir()
    (out / "pause").touch()
    with prepare(plan()) as run:
        events = run.train(stop=lambda: time.perf_counter() - begun > 1.0)
        begun = time.perf_counter()
        assert list(events) == [Paused(0, out / "pause"), Interrupted(0)]
        assert run.folder.load({}).seconds < 0.9
    assert read_status(out).state == "interrupted"
    (out / "pause").unlink()
    assert isinstance(train(plan(resume=True))[-1], Finished)
    assert read_status(out).state == "finished"


def test_the_status_says_where_the_run_stands(plan: Callable[..., Plan]) -> None:
    with prepare(plan()) as run:
        with pytest.raises(RunFolderError, match="still reading its photographs"):
            read_status(run.folder.path)
        for event in run.train():
            if isinstance(event, Validated) and event.row.step == 24:
                status = read_status(run.folder.path)
                rows = run._saved.rows
                best = max(rows, key=lambda row: row.psnr)
                assert (status.state, status.step, status.share) == ("running", 24, 24 / 45)
                assert (status.best_psnr, status.best_step, status.bicubic_psnr) == (best.psnr, best.step, run.bicubic)
                assert status.steps_per_second == rows[-1].steps_per_second > 0
                assert status.patches_per_second == 2 * status.steps_per_second
    status = read_status(Path(plan().out))
    assert (status.state, status.step, status.share, status.end) == ("finished", 45, 1.0, None)


def test_the_model_is_sound_and_its_card_tells_all(plan: Callable[..., Plan]) -> None:
    given = plan(name="mine", licence="cc-by-4.0", store="float16")
    *_, finished = train(given)
    assert isinstance(finished, Finished)
    source = resolve(str(finished.models[0].model), 2)
    assert all(finding.ok for finding in verify(source))
    card = (finished.models[0].model / "README.md").read_text()
    for said in (
        "license: cc-by-4.0",
        "# mine\n",
        "3 photographs, 0.01 megapixels, of `photos` (1 held back for validation besides)",
        "45 steps in ",
        f"after step {finished.best_step},",
        "Recipe: patch 8, batch 2,",
        "attention-from 0.0, loss l1, fourier 0.05, degrade none, damaged 0.6, seed 0.",
        "seed 0",
        f"| the middle of 1 photograph held back | {finished.models[0].psnr:.2f} | {finished.models[0].ssim:.4f} |",
        "holds float16 tensors",
        f"PyTorch {torch.__version__}",
        given.command(),
    ):
        assert said in card, said


def test_a_continued_model_is_named_with_its_licence(plan: Callable[..., Plan], tmp_path: Path) -> None:
    *_, first = train(plan("first", licence="mit"))
    assert isinstance(first, Finished)
    second = plan("second", init=str(first.models[0].model), scales=(3,))
    train(second, 5)
    (first.models[0].model / "model.safetensors").unlink()  # a run that goes on does not need it any more
    *_, finished = train(replace(second, resume=True))
    assert isinstance(finished, Finished)
    card = (finished.models[0].model / "README.md").read_text()
    assert "the tail is new (it enlarges 2x)" in card
    assert "whose licence is `mit`" in card


def test_a_run_in_minutes_ends_in_time_and_goes_on_where_it_was(plan: Callable[..., Plan]) -> None:
    timed = plan(budget=Budget(minutes=1 / 60), every=0.005)
    *_, finished = train(timed)
    assert isinstance(finished, Finished)
    assert finished.seconds >= 0.9
    assert len(log(timed)) >= 2
    *_, again = train(replace(timed, resume=True))
    assert isinstance(again, Finished)
    assert again.step == finished.step, "the budget is used up: it is only exported again"


def test_a_budget_shorter_than_a_step_is_one_step(plan: Callable[..., Plan]) -> None:
    *_, finished = train(plan(budget=Budget(minutes=1e-9), every=None))
    assert isinstance(finished, Finished)
    assert finished.step == 1


def test_other_choices_or_photographs_are_not_gone_on_with(plan: Callable[..., Plan], tmp_path: Path) -> None:
    train(plan(), 3)
    changes = {
        "steps was 45, not 90": {"budget": Budget(steps=90)},
        "batch was 2, not 3": {"recipe": replace(TINY, batch=3)},
        "every was 12, not 5": {"every": 5},
        "scale was 2, not 4": {"scales": (4,)},
        "init was None, not lite": {"init": "lite"},
    }
    for said, change in changes.items():
        with pytest.raises(OptionError, match=said):
            prepare(plan(resume=True, **change))
    prepare(plan(resume=True, name="other", licence="mit", store="float16")).folder.close()
    (tmp_path / "photos" / "photo001.png").unlink()
    with pytest.raises(OptionError, match="the photographs are not those"):
        prepare(plan(resume=True))


def test_divergence_keeps_the_last_good_state(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    original = Trainer.step

    def spoiled(self: Trainer, progress: float) -> None:
        if self.steps == 15:
            with torch.no_grad():
                self.models[0].head[0].bias.fill_(float("nan"))
        original(self, progress)

    monkeypatch.setattr(Trainer, "step", spoiled)
    with pytest.raises(TrainingDiverged):
        train(plan())
    with prepare(plan(resume=True)) as run:
        assert run.step == 12


def test_running_out_of_memory_says_what_to_do(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Trainer, "step", fail)
    with pytest.raises(TrainingTooLarge, match="on cpu while training on 2 patches of 8 pixels") as caught:
        train(plan())
    assert "--batch" in caught.value.hint
    assert not Path(plan().out).exists(), "nothing was saved, so nothing is left"


def test_validation_stops_when_told(plan: Callable[..., Plan]) -> None:
    """A validation of large pictures takes long: it is left, and done again by the run that goes on."""
    asked: list[int] = []

    def stop() -> bool:
        asked.append(run.step)
        return asked.count(12) == 1 and run.step == 12

    with prepare(plan()) as run:
        *_, last = run.train(stop)
    assert last == Interrupted(12)
    assert not (Path(plan().out) / "log.csv").exists()
    train(plan(resume=True))
    assert log(plan())[1][0] == "12"


def test_slower_steps_are_told_once(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no CUDA graph can be made, training goes on several times slower: not in silence."""
    learn = Trainer._learn

    def failing(trainer: Trainer, *given: object) -> None:
        trainer.ungraphed = "not here" if trainer.steps >= 3 else None
        learn(trainer, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_learn", failing)
    assert [event for event in train(plan()) if isinstance(event, Slowed)] == [Slowed(4, "not here")]


def test_long_waits_are_shortened_by_saving_in_between(
    plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state at least every ten minutes, and no validation for it that would make the run depend on the machine."""
    monkeypatch.setattr(run_module, "LONGEST_WAIT", 0.0)
    with prepare(plan(every=45)) as run:
        events = run.train()
        next(events)
        saved = run.folder.load({})
        assert saved.trainer["steps"] >= 1
        assert not saved.rows
        events.close()  # type: ignore[attr-defined]
    train(plan(every=45, resume=True))
    assert len(log(plan())) == 2


def test_a_damaged_trainer_is_told(plan: Callable[..., Plan]) -> None:
    train(plan(), 3)
    path = Path(plan().out) / "state.pt"
    state = torch.load(path, weights_only=True)
    state["trainer"]["weights"] = state["trainer"]["weights"][1:]
    torch.save(state, path)
    with pytest.raises(RunFolderError, match="damaged"):
        prepare(plan(resume=True))


def test_folders_whose_names_are_no_text_are_in_the_card(plan: Callable[..., Plan], tmp_path: Path) -> None:
    """The card names them, and must not be what a night's training fails over."""
    photos = save_photographs(tmp_path / "others")
    try:
        photos = photos.rename(tmp_path / "ph\udcff")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes text alone")
    *_, finished = train(plan(data=(str(photos),), budget=Budget(steps=1), every=1))
    assert isinstance(finished, Finished)
    assert "`ph\\udcff`" in (finished.models[0].model / "README.md").read_text()


def test_figures_that_flatter_are_told_in_the_card(plan: Callable[..., Plan], tmp_path: Path) -> None:
    *_, finished = train(plan(validation=str(tmp_path / "photos"), budget=Budget(steps=1), every=1))
    assert isinstance(finished, Finished)
    assert "4 of these pictures were also trained on" in (finished.models[0].model / "README.md").read_text()


def test_one_body_with_a_tail_for_each_scale(plan: Callable[..., Plan]) -> None:
    """Broken and gone on with, damaged patches among them: a model for every scale, of one body."""
    recipe = replace(TINY, degrade="noise:0-16,jpeg:30-90/any,shift:7")
    whole, broken = (plan(folder, scales=(2, 3), recipe=recipe, budget=Budget(steps=8), every=4) for folder in "ab")
    finished = train(whole)[-1]
    train(broken, stop_at=5)
    assert isinstance(train(replace(broken, resume=True))[-1], Finished)
    assert isinstance(finished, Finished)
    assert [each.scale for each in finished.models] == [2, 3]
    two, three = (load_model(resolve(str(each.model), None)) for each in finished.models)
    assert (two.config.scale, three.config.scale) == (2, 3)
    assert torch.equal(two.body[-1].weight, three.body[-1].weight)
    for scale in (2, 3):
        weights = [Path(each.out, f"model-x{scale}", "model.safetensors").read_bytes() for each in (whole, broken)]
        assert weights[0] == weights[1]
    card = (finished.models[1].model / "README.md").read_text()
    assert "# own-lite-x3" in card
    assert "Scales 2,3 were trained together" in card
    assert "--degrade noise:0-16,jpeg:30-90/any,shift:7" in card
