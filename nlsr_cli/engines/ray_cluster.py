"""The workers of a Ray cluster: how it is reached, which machines take part, and what each has to do.

This is the only place that imports Ray. Ray says where machines are, starts workers and carries messages; which worker
has which job, and what becomes of it, is the pool's business, as on one machine.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from nlsr_cli.batch.fingerprint import Identity
from nlsr_cli.batch.provenance import Stamp
from nlsr_cli.batch.sharing import Claims
from nlsr_cli.engines.devices import check_files
from nlsr_cli.engines.messages import Setup, Tell
from nlsr_cli.engines.parallel import ParallelEngine
from nlsr_cli.engines.pool import Place, Pool
from nlsr_cli.engines.ray_worker import Post, RayWorker, Terms
from nlsr_cli.errors import MissingExtra, NlsrError, OptionError
from nlsr_cli.options import ComputeOptions, UpscaleOptions, counted
from nlsr_cli.workers import AUTO, Workers

if TYPE_CHECKING:
    from nlsr_cli.batch.planning import BatchPlan
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.upscaling.enlarger import Enlarger
    from nlsr_cli.zoo import ModelSet

PATIENCE = 5.0  # seconds in which a cluster must answer
# What HTTP/2 begins with, which Ray's servers speak: the preface, and a frame of settings that are the defaults.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_SETTINGS = 4  # the type of such a frame, at its fourth byte
_PURPOSE = "--engine ray"
_START_HINT = "Start Ray on this machine with: ray start --head. On a machine that joins: ray start --address HOST:6379"


@dataclass
class Cluster:
    """A cluster with which there is a connection: where its workers are, and what they compute with.

    `compute` is the options of a worker: the kind of device, the same for all, and the precision.
    """

    ray: Any
    posts: tuple[Post, ...]
    compute: ComputeOptions
    permits: Claims
    threads: list[threading.Thread]  # which must end before the connection does


@contextmanager
def connected(options: UpscaleOptions, asked: Workers) -> Iterator[tuple[UpscaleOptions, Cluster]]:
    """Give a cluster, and the options with what they come to there; the connection ends with the context, unless the
    caller had one before.

    Raises:
        MissingExtra: Ray is not installed.
        OptionError: the cluster has no such devices, or not so many.
        NlsrError: there is no cluster.
    """
    ray = _imported()
    own = not ray.is_initialized()
    if own:
        _join(ray, _address(ray, asked.address or AUTO))
    permits, threads = Claims(), list[threading.Thread]()
    try:
        kind, posts = chosen([node for node in ray.nodes() if node["Alive"]], asked)
        compute = _compute(kind, options.compute.precision)
        cluster = Cluster(ray, posts, replace(compute, found=None), permits, threads)
        yield replace(options, compute=compute), cluster
    finally:
        permits.close()
        for thread in threads:
            if thread.is_alive():
                thread.join(PATIENCE)
        if own:
            ray.shutdown()


def clustered(
    plan: BatchPlan,
    keeper: Keeper,
    build: Callable[[UpscaleOptions], Enlarger],
    options: UpscaleOptions,
    models: ModelSet,
    cluster: Cluster,
) -> ParallelEngine:
    """Return the engine that shares a plan among the workers of a cluster.

    Args:
        plan: the jobs.
        keeper: says what is done already, and enters what fails.
        build: makes an enlarger in a worker; it can be pickled.
        options: those of the call, with what the device comes to.
        models: those that there are.
        cluster: where the workers are.

    Raises:
        OptionError: what is read or written is no file.
    """
    check_files(plan, "Omit --engine ray.")
    weights = partial(_digests, models, plan.scales)
    terms = Terms(options.compute.found[1] if options.compute.found else options.compute.precision, weights)
    own = replace(options, compute=cluster.compute)
    # What is in the key of an output must not depend on who makes it.
    hired, stamp = keeper.hired(Identity(options, models)), Stamp.wanted(own, models)
    setup = Setup(partial(build, own), plan.scales, hired, stamp, weights)

    def place(number: int, post: Post) -> Place:
        def hire(tell: Tell) -> RayWorker:
            worker = RayWorker(cluster.ray, post, setup, terms, cluster.permits, tell)
            cluster.threads.append(worker.thread)
            return worker

        return Place(f"worker {number} ({post.host})", hire)

    hosts = len({post.node for post in cluster.posts})
    about = f"{counted(len(cluster.posts), 'worker')} on {counted(hosts, 'machine')}, {cluster.compute.device}"
    return ParallelEngine(
        plan,
        lambda: Pool([place(number, post) for number, post in enumerate(cluster.posts, 1)]),
        keeper=keeper,
        about=about,
    )


def chosen(nodes: Sequence[dict[str, Any]], asked: Workers) -> tuple[str, tuple[Post, ...]]:
    """Return the kind of device that a cluster is to use, and where workers are: by default one for each GPU, or on a
    cluster without GPUs one for each machine, with all of its processors. More or fewer go where most is left for each,
    and to every machine first.

    Raises:
        OptionError: the cluster has not so many, or none of the kind.
    """
    nodes = sorted(nodes, key=lambda node: str(node["NodeID"]))
    gpus = {node["NodeID"]: int(node["Resources"].get("GPU", 0)) for node in nodes}
    cpus = {node["NodeID"]: int(node["Resources"].get("CPU", 0)) for node in nodes}
    device = asked.devices[0]
    kind = device if device != "auto" else "cuda" if any(gpus.values()) else "cpu"
    room = gpus if kind == "cuda" else cpus
    most, noun = sum(room.values()), "GPU" if kind == "cuda" else "processor"
    if not most:
        hint = "Use the processors with --device cpu." if kind == "cuda" else "Give one some: ray start --num-cpus 4"
        raise OptionError(f"no machine of the cluster offers a {noun}", hint)
    count = asked.count or (most if kind == "cuda" else sum(1 for each in room.values() if each))
    if count > most:
        raise OptionError(f"--workers {count}: the cluster has {counted(most, noun)}", f"At most: --workers {most}")
    share = dict.fromkeys(room, 0)
    for _ in range(count):
        free = [node for node in share if share[node] < room[node]]
        best = max(free, key=lambda node: (kind == "cpu" and not share[node], room[node] / (share[node] + 1)))
        share[best] += 1
    hosts = {node["NodeID"]: str(node["NodeManagerHostname"]) for node in nodes}
    return kind, tuple(
        # On a GPU a worker has its share as if all of the machine's were in use.
        Post(node, hosts[node], cpus[node] // (gpus[node] if kind == "cuda" else share[node]), int(kind == "cuda"))
        for node in share
        for _ in range(share[node])
    )


def _imported() -> Any:  # noqa: ANN401
    """Return the module of Ray, which sends nobody reports on its use.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as exc:
        raise MissingExtra("ray", _PURPOSE) from exc
    return ray


def _address(ray: Any, address: str) -> str:  # noqa: ANN401
    """Return HOST:PORT of a cluster that answers; Ray itself would wait for it for two minutes.

    Raises:
        NlsrError: none does.
    """
    if address == AUTO:
        try:
            address = ray._private.services.canonicalize_bootstrap_address_or_die(AUTO)
        except ConnectionError as exc:
            raise NlsrError("this machine is part of no Ray cluster", _START_HINT) from exc
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as peer:
            if os.environ.get("RAY_USE_TLS", "0") == "1":
                return address
            peer.sendall(_GREETING)
            if peer.recv(9)[3:4] == bytes((_SETTINGS,)):
                return address
            reason = "what answers there is not Ray"
    except (OSError, OverflowError) as exc:
        reason = (getattr(exc, "strerror", None) or str(exc) or type(exc).__name__).lower()
    raise NlsrError(f"no Ray cluster at {address}: {reason}", _START_HINT)


def _join(ray: Any, address: str) -> None:  # noqa: ANN401
    """Connect to a cluster. The current folder, which may be that of the pictures, is no place for code of workers; nor
    is it sent to them. Signals stay with whoever has them.

    Raises:
        NlsrError: it cannot be done.
    """
    from ray.job_config import JobConfig

    class Bare(JobConfig):
        def _runtime_env_has_working_dir(self) -> bool:
            return True

    with _own_signals():
        try:
            ray.init(
                address=address,
                job_config=Bare(),
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
            )
        except (RuntimeError, ConnectionError, ValueError) as exc:
            reason = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
            raise NlsrError(f"Ray at {address} does not take this machine: {reason}", _START_HINT) from exc


@contextmanager
def _own_signals() -> Iterator[None]:
    """Put back what answers a polite kill, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        with suppress(TypeError):  # it was none of Python's
            signal.signal(signal.SIGTERM, before)


def _compute(kind: str, precision: str) -> ComputeOptions:
    """Return what workers compute with. Where the precision is left open, this machine decides for all: in bf16 only if
    its own processor has that.
    """
    if kind == "cuda":
        return ComputeOptions("cuda", precision, ("cuda", "fp16" if precision == "auto" else precision))
    if precision != "auto":
        return ComputeOptions("cpu", precision, ("cpu", precision))
    from nlsr_cli.upscaling.foresight import listed_bf16

    found = "bf16" if listed_bf16() else "fp32"
    return ComputeOptions("cpu", precision if found == "bf16" else found, ("cpu", found))


def _digests(models: ModelSet, scales: Sequence[int]) -> tuple[str, ...]:
    """Return the SHA-256 of the networks of some scales, as they are on this machine."""
    return tuple(models.weights_sha256(source) for source in models.sources(scales))
