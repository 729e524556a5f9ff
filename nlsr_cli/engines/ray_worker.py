"""The near end of a worker on a machine of a Ray cluster: what is asked of it, and whether it still answers.

Ray restarts nothing and repeats nothing: a worker that is gone is told as any other, and the pool gives its jobs away.
One that does not answer for some seconds counts as gone, long before Ray says so. It may wake up later, so before its
jobs go to others its permit is removed, without which it finishes nothing.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nlsr_cli.batch.sink import FileSink
from nlsr_cli.engines.messages import Assignment, Ended, Event, Ready, Refused, Setup, Tell
from nlsr_cli.engines.ray_actor import Outpost, Sight, release_of_torch
from nlsr_cli.errors import ImageWriteError
from nlsr_cli.version import __version__

if TYPE_CHECKING:
    from nlsr_cli.batch.sharing import Claim, Claims

SILENCE = 20  # seconds in which a worker must answer
START = 60  # seconds in which Ray must have started it
_PRECISION_HINT = "Add --precision fp32, which gives the same bytes on processors of every kind."
_INSTALL_HINT = "Install the same release of nlsr, with the same packages, on every machine."
_ROOM_HINT = "Others may have its processors: free them, or give fewer --workers."
_SHARED_HINT = "Inputs, outputs and models must have the same paths on every machine, on a shared disk."


@dataclass(frozen=True)
class Post:
    """Where a worker is: a node of the cluster, and how many of its processors and GPUs it has."""

    node: str
    host: str
    cpus: int
    gpus: int


class Terms:
    """What all workers of a call must have in common, so that their bytes are the same.

    Args:
        precision: that of pictures of 8 bits.
        weights: gives the SHA-256 of each network.
    """

    def __init__(self, precision: str, weights: Callable[[], tuple[str, ...]]) -> None:
        self._precision = precision
        self._weights = weights
        self._mutex = threading.Lock()
        self._first: Ready | None = None

    def check_sight(self, sight: Sight) -> None:
        """Refuse a machine by what is installed there and what it sees.

        Raises:
            _Unfit: it is of no use.
        """
        for name, theirs, ours in (
            ("nlsr", sight.nlsr, __version__),
            ("PyTorch", sight.torch, release_of_torch()),
        ):
            if theirs != ours:
                raise _Unfit(f"has {name} {theirs}, and this machine {ours}", _INSTALL_HINT)
        if sight.unseen:
            raise _Unfit(f"does not see {sight.unseen[0]}", _SHARED_HINT)

    def check_ready(self, ready: Ready) -> None:
        """Refuse a worker by what it computes with; the first one that fits decides for all.

        Raises:
            _Unfit: it would give other bytes.
        """
        if ready.weights != self._weights():
            raise _Unfit("has other weights of the model", _SHARED_HINT)
        if ready.precision != self._precision:
            raise _Unfit(f"computes in {ready.precision}, and this call in {self._precision}", _PRECISION_HINT)
        with self._mutex:
            self._first = first = self._first or ready
        if ready.precision != "fp32" and ready.processor != first.processor:
            reason = f"computes in {ready.precision} on another processor ({ready.processor}, not {first.processor})"
            raise _Unfit(reason, _PRECISION_HINT)


class RayWorker:
    """A worker on a node of a cluster, which is there once it has a job.

    Args:
        ray: the module.
        post: where it is to be.
        setup: what it is told first.
        terms: what it must have in common with the others.
        permits: makes its permit, beside the output of its first job.
        hear: called with whatever it tells, from a thread; with `Ended` last.
    """

    def __init__(self, ray: Any, post: Post, setup: Setup, terms: Terms, permits: Claims, hear: Tell) -> None:  # noqa: ANN401
        self._ray = ray
        self._post, self._setup, self._terms, self._permits = post, setup, terms, permits
        self._hear = hear
        self._mutex = threading.Lock()
        self._waiting: list[Assignment] | None = []  # until it is there
        self._permit: Claim | None = None
        self._seen: tuple[str, ...] = ()  # what every machine must see
        self._over = False
        self._actor = _actor(ray, post)
        self.thread = threading.Thread(target=self._attend, name="nlsr-ray", daemon=True)

    def send(self, order: Assignment) -> None:
        """Give it a job.

        Raises:
            ImageWriteError: it is the first one, and its folder takes no file.
        """
        if self._permit is None:
            self._permit = _permitted(self._permits, order.job.sink.path.absolute().parent, self._post.host)
            self._seen = (str(self._permit.path), str(order.job.source.path.absolute()))
            self.thread.start()
        sink = cast("FileSink", order.job.sink)
        order = replace(order, job=replace(order.job, sink=replace(sink, permit=self._permit.path)))
        with self._mutex:
            if self._waiting is None:
                self._actor.send.remote(order)
            else:
                self._waiting.append(order)

    def stop(self) -> None:
        """Tell it to stop soon; finished rows are kept."""
        with self._mutex:
            if self._waiting is None:
                self._actor.stop.remote()
                return
        self.kill()

    def kill(self) -> None:
        """End it, whatever it does; it finishes nothing from now on."""
        self._over = True
        if self._permit is not None:
            self._permits.release(self._permit)
        self._ray.kill(self._actor, no_restart=True)

    def _attend(self) -> None:
        """Start it, and pass on what it tells, until it is gone."""
        errors = self._ray.exceptions
        try:
            ended = self._talk()
        except _Unfit as unfit:
            ended = Ended(unfit.reason, final=True, hint=unfit.hint)
        except errors.RayError as exc:
            ended = self._gone(exc)
        if not self._over:
            self.kill()
        self._hear(ended)

    def _talk(self) -> Ended:
        actor = self._actor
        silence = f"was not started within {START} s", _ROOM_HINT
        sight = self._answer(actor.look.remote(self._seen), START, *silence)
        self._terms.check_sight(cast("Sight", sight))
        folder = str(Path.cwd())
        started = actor.start.remote(pickle.dumps(self._setup), max(1, self._post.cpus), folder)
        self._answer(started, START, *silence)
        with self._mutex:
            for order in self._waiting or ():
                actor.send.remote(order)
            self._waiting = None
        while True:
            asked = actor.listen.options(concurrency_group="listening").remote()
            for event in self._answer(asked, SILENCE, f"has not answered for {SILENCE} s"):
                passed = self._taken(event)
                if isinstance(passed, Ended):
                    return passed
                self._hear(passed)

    def _taken(self, event: Event) -> Event:
        """Return an event as the pool takes it: what is wrong with one machine need not be with another.

        Raises:
            _Unfit: the worker is of no use.
        """
        if isinstance(event, Refused):
            raise _Unfit(event.error.message, event.error.hint or _INSTALL_HINT)
        if isinstance(event, Ready):
            self._terms.check_ready(event)
        return event

    def _answer(self, asked: object, seconds: int, silence: str, hint: str = "") -> Any:  # noqa: ANN401
        """Return what the actor answers. Seconds are counted one by one, so that this process may be stopped meanwhile.

        Raises:
            _Unfit: it does not; another one in its place would not either.
        """
        for _ in range(seconds):
            done, _ = self._ray.wait([asked], timeout=1.0)
            if done:
                return self._ray.get(asked)
            if self._over:
                break
        raise _Unfit(silence, hint)

    def _gone(self, exc: Exception) -> Ended:
        """Say why there is no answer any more."""
        if "ModuleNotFoundError" in str(exc):
            return Ended("has no nlsr, or another release", final=True, hint=_INSTALL_HINT)
        alive = {node["NodeID"]: node["Alive"] for node in self._ray.nodes()}
        if not alive.get(self._post.node, False):
            return Ended("was lost with its machine", final=True)
        return Ended(f"was lost ({type(exc).__name__})")


class _Unfit(Exception):
    """A worker cannot be used, nor another one in its place."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def _permitted(permits: Claims, folder: Path, holder: str) -> Claim:
    try:
        return permits.permit(folder, holder)
    except OSError as exc:
        raise ImageWriteError(folder, f"takes no file: {exc.strerror or exc}", "Choose another place with -o.") from exc


def _actor(ray: Any, post: Post) -> Any:  # noqa: ANN401
    """Start an actor on a node; whether that goes well shows when it is first asked something."""
    pinned = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(post.node, soft=False)
    made = ray.remote(concurrency_groups={"listening": 1})(Outpost)
    return made.options(
        num_cpus=post.cpus, num_gpus=post.gpus, max_restarts=0, max_task_retries=0, scheduling_strategy=pinned
    ).remote()
