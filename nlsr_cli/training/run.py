"""One training run, from photographs to an exported model, told as events. It never prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from statistics import fmean as mean

from nlsr_cli.errors import OptionError
from nlsr_cli.training.card import Standing
from nlsr_cli.training.clock import Clock
from nlsr_cli.training.data import Data, gather
from nlsr_cli.training.events import (
    Event,
    Exported,
    Finished,
    Interrupted,
    Paused,
    Progressed,
    Resumed,
    Slowed,
    Validated,
)
from nlsr_cli.training.export import export
from nlsr_cli.training.folder import RunFolder
from nlsr_cli.training.memory import within_memory
from nlsr_cli.training.optimizer import schedule
from nlsr_cli.training.photos import OnPhoto, ReadPhotograph, read_photograph
from nlsr_cli.training.plan import LONGEST_WAIT, Plan
from nlsr_cli.training.saved import Row, Saved, damaged
from nlsr_cli.training.start import Origin, build_networks, build_trainer, place_training
from nlsr_cli.training.status import FINISHED, INTERRUPTED, PAUSED, RUNNING, Status
from nlsr_cli.training.validation import Stopped, bicubic_psnr, validate
from nlsr_cli.upscaling.device import Placement

STEPS_PER_LOSS = 20  # reading it waits for the device; the same steps whatever breaks there are give the same sums
REPORT_SECONDS = 0.2
STATUS_SECONDS = 10.0  # between two looks that somebody outside may have
PAUSE_SECONDS = 0.2  # between two looks whether a pause is over
EXPORT_GAIN = 0.02  # dB that the best validation must have risen by since the last export: less is noise

Asked = Callable[[], bool]


class PauseAsked(Exception):
    """Somebody wants the run to pause; the validation that was begun is done again afterwards."""


def never() -> bool:
    """Ask for nothing."""
    return False


def prepare(plan: Plan, on_photo: OnPhoto | None = None, read: ReadPhotograph = read_photograph) -> Run:
    """Read the photographs, build the network or restore the run, and hold its folder.

    Raises:
        OptionError: choices make no sense on this machine, with these photographs or with the saved run.
        ModelError: the model to begin with cannot be had, or does not fit.
        TrainingError: the folder cannot be used, or the photographs do not fit into the memory of the device.
    """
    placement = place_training(plan.compute)
    choices = plan.choices(placement.precision)
    folder = RunFolder(Path(plan.out), resume=plan.resume)
    try:
        saved = folder.load(choices) if plan.resume else Saved(choices)
        data = gather(plan, on_photo, read)
        if plan.resume and data.fingerprint != saved.photographs:
            raise OptionError(
                f"the photographs are not those that {plan.out} was started with",
                "Give the same folders with the same pictures, or start a new run.",
            )
        saved.photographs = data.fingerprint
        return Run(plan, data, folder, placement, saved)
    except BaseException:
        folder.close()
        raise


class Run:
    """A run that is ready to train; a context that lets go of its folder in the end.

    `origin` is the model that was continued; `halves` how many photographs are used at half their size too; `bicubic`
    the PSNR in dB of interpolation on the validation pictures.
    """

    def __init__(self, plan: Plan, data: Data, folder: RunFolder, placement: Placement, saved: Saved) -> None:
        self.plan, self.data, self.folder, self.placement = plan, data, folder, placement
        self._saved = saved
        models, origin = build_networks(plan)
        if not plan.resume:
            saved.origin = astuple(origin) if origin else ()
        self.misfit = plan.init if plan.init_if_fits and self.origin is None else None  # what was not continued
        self.plan = plan = plan.decided(continues=self.origin is not None)
        self.megapixels, self.photographs = data.megapixels, len(data.photographs)
        self.bicubic = mean(bicubic_psnr(pairs, scale) for scale, pairs in data.validation.items())
        self._trainer = build_trainer(plan, models, data, placement)
        self.halves = self._trainer.pools[0].halves
        if plan.resume:
            self._restore()
        speed = saved.rows[-1].steps_per_second if saved.rows else 0.0
        self._clock = Clock(plan.budget, saved.seconds, speed)
        self._saved_at = saved.seconds
        self._told = 0.0  # when the status was written
        self._loss: float | None = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._trainer.close()
        self.folder.close()

    @property
    def step(self) -> int:
        """Return the number of steps that are done."""
        return self._trainer.steps

    @property
    def seconds(self) -> float:
        """Return how long the run took: training, validation and saving; neither reading nor breaks."""
        return self._clock.seconds

    @property
    def share(self) -> float:
        """Return the share of the budget that is used up."""
        return self._clock.share(self.step)

    @property
    def origin(self) -> Origin | None:
        """Return the model that was continued."""
        return Origin(*self._saved.origin) if self._saved.origin else None

    def train(self, stop: Asked = never, pause: Asked = never) -> Iterator[Event]:
        """Train until the budget is used up, and yield what happens. `stop` and `pause` are asked at every step.

        The state is saved at every validation, at least every ten minutes, and when `stop` or `pause` says so. The run
        waits as long as `pause` says so or the file is there that asks for it; the budget does not count that.

        Raises:
            TrainingDiverged: the loss is no longer a number; the last saved state is kept.
            TrainingTooLarge: a step or a validation picture does not fit into memory.
            RunFolderError: the folder cannot be written.
        """

        def pausing() -> bool:
            return pause() or self.folder.pause_file is not None

        self._clock.start()
        self._tell(RUNNING)
        try:
            yield from self._advance(stop, pausing)
        except Stopped:
            self._save()
            self._tell(INTERRUPTED)
            yield Interrupted(self.step)
            return
        yield self._finish()

    def _advance(self, stop: Asked, pausing: Asked) -> Iterator[Event]:
        """Step, validate and pause until the budget is used up."""
        reported = -REPORT_SECONDS
        while True:
            if pausing():
                yield from self._pause(stop, pausing)
            if self._is_due():
                try:
                    yield self._validate(stop, pausing)
                except PauseAsked:
                    continue
            if self.share >= 1 and self.step:  # one step at least, however short the budget is
                return
            if stop():
                raise Stopped
            ungraphed = self._trainer.ungraphed
            self._step()
            if self._trainer.ungraphed != ungraphed:
                yield Slowed(self.step, self._trainer.ungraphed or "")
            if self.seconds - self._saved_at > LONGEST_WAIT * 60:
                self._save()
            if self.seconds - reported >= REPORT_SECONDS:
                reported = self.seconds
                yield self._progress()

    def _pause(self, stop: Asked, pausing: Asked) -> Iterator[Event]:
        """Save, and wait without work while `pausing` says so."""
        self._save()
        begun = time.perf_counter()
        self._tell(PAUSED)
        try:
            yield Paused(self.step, self.folder.pause_file)
            while pausing():
                if stop():
                    raise Stopped
                time.sleep(PAUSE_SECONDS)
        finally:
            waited = self._clock.leave_out(begun)
        self._tell(RUNNING)
        yield Resumed(self.step, waited)

    def _tell(self, state: str) -> None:
        """Write where the run stands for those who look from outside."""
        saved, batch = self._saved, self.plan.recipe.batch
        best = saved.rows[saved.best_row] if saved.rows else None
        pace = self._clock.pace
        self._told = time.time()
        self.folder.write_status(
            Status(
                state,
                self.step,
                self.share,
                self.seconds,
                pace,
                pace * batch,
                best.psnr if best else None,
                best.step if best else None,
                self.bicubic,
                self._clock.left(self.step),
                self._told,
            )
        )

    def _restore(self) -> None:
        try:
            self._trainer.restore(self._saved.trainer)
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as exc:
            raise damaged(self.folder.path) from exc

    def _is_due(self) -> bool:
        saved, plan = self._saved, self.plan
        if self.step == saved.last_step:
            return False
        reached = self.step if plan.budget.steps is not None else self.seconds
        return self.share >= 1 or reached >= (saved.due or plan.due_after(0, 0.0))

    def _step(self) -> None:
        recipe = self.plan.recipe
        doing = f"training on {recipe.batch} patches of {recipe.patch} pixels"
        memory = within_memory(self.placement.device, doing, "Choose a smaller --batch or --patch.")
        with self._clock.step(), memory:
            self._trainer.step(self.share)
            if self.step % STEPS_PER_LOSS == 0:
                self._read_losses()

    def _read_losses(self) -> None:
        steps = self.step - self._saved.read
        if steps:
            self._loss = self._trainer.mean_loss()
            self._saved.losses += self._loss * steps
            self._saved.read = self.step

    def _progress(self) -> Progressed:
        if time.time() - self._told >= STATUS_SECONDS:
            self._tell(RUNNING)
        rate = schedule(self.share, self.plan.recipe.warmup)
        return Progressed(self.step, self.share, self._loss, rate, self._clock.speed, self._clock.left(self.step))

    def _validate(self, stop: Asked, pausing: Asked) -> Validated:
        def heed() -> bool:
            if pausing():
                raise PauseAsked
            return stop()

        saved = self._saved
        self._read_losses()
        seconds, share = self.seconds, self.share
        with self._trainer.averaged() as models:
            pictures = self.data.validation
            psnr = mean(validate(each, pictures[each.config.scale], self.placement, heed) for each in models)
            best = not saved.best or psnr > saved.rows[saved.best_row].psnr
            if best:
                saved.best = {
                    each.config.scale: {name: tensor.cpu().clone() for name, tensor in each.state_dict().items()}
                    for each in models
                }
                saved.best_row = len(saved.rows)
        loss = saved.losses / (self.step - saved.last_step)
        rate = schedule(share, self.plan.recipe.warmup)
        saved.rows.append(Row(self.step, seconds, loss, psnr, rate, self._clock.lap()))
        saved.losses = 0.0
        saved.due = self.plan.due_after(self.step, self.seconds)
        self._save()
        exported = self._export(ended=False) if share < 1 and saved.gain >= EXPORT_GAIN else ()
        self._tell(RUNNING)
        return Validated(saved.rows[-1], best, share, self._clock.left(self.step), exported)

    def _save(self) -> None:
        self._saved.trainer = self._trainer.state()
        self._saved.seconds = self._saved_at = self.seconds
        self.folder.save(self._saved, self.plan.model_name)

    def _finish(self) -> Finished:
        saved = self._saved
        if self.plan.budget.progress(self.step, saved.seconds) < 1:  # the last minutes went into saving: a run that
            self._save()  # goes on must know that they are used up
        best = saved.rows[saved.best_row]
        models = self._export(ended=True)
        self._tell(FINISHED)
        return Finished(self.step, saved.seconds, best.step, models)

    def _export(self, *, ended: bool) -> tuple[Exported, ...]:
        """Write the best so far, a model for each scale, with cards that tell whether the run had ended."""
        saved = self._saved
        best_step = saved.rows[saved.best_row].step
        standing = Standing(self.step, saved.seconds, best_step, self.share, ended)
        exported = export(self, self.folder, saved.best, standing)
        saved.exported_row = saved.best_row
        return exported
