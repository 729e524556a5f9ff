"""Faults of the Hub, by a small one on this machine: missing, broken, cut off, altered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.tools.torture.bench import Bench
from tests.tools.torture.command import nlsr
from tests.tools.torture.weights import sound
from tests.zoo.hub_server import FakeHub, serve

REPO = "owner/model"
UNTRAINED = ("--floor", 0)  # what its network makes matches no picture


@contextmanager
def hub(bench: Bench) -> Iterator[tuple[FakeHub, dict[str, str]]]:
    """Give a Hub with one model, and the environment in which nlsr asks it."""
    with serve() as server:
        server.push(REPO, dict(sound()))
        env = {"HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(bench.folder / "cache")}
        yield server, {**env, "HF_HUB_DISABLE_XET": "1", "HF_HUB_ETAG_TIMEOUT": "3"}


def missing(bench: Bench) -> str:
    """A repository, revision or file that is not there is the caller's mistake."""
    with hub(bench) as (server, env):
        server.push("owner/empty", {"README.md": b"nothing"})
        for model in ("owner/none", f"{REPO}@none", "owner/empty"):
            ended = bench.upscale(*UNTRAINED, "-m", model, env=env)
            bench.expect_code(ended, 2)
            bench.expect_said(ended, model.partition("@")[0])
    bench.expect_nothing()
    return "told as unknown"


def broken(bench: Bench) -> str:
    """A Hub that answers 500 is told; with a copy in the cache the work goes on, and that is told too."""
    with hub(bench) as (server, env):
        server.status = 500
        ended = bench.upscale(*UNTRAINED, "-m", REPO, env=env)
        bench.expect_code(ended, 1)
        bench.expect_said(ended, "500", "server error")
        bench.expect_nothing()
        server.status = 0
        bench.expect_code(bench.seen(nlsr("models", "pull", REPO, env=env)), 0)
        server.status = 500
        again = bench.upscale(*UNTRAINED, "-m", REPO, env=env)
        bench.expect_code(again, 0)
        bench.expect_said(again, "copy in the cache")
    return "told; a copy in the cache is used, said"


def cut_once(bench: Bench) -> str:
    """A download that breaks off once is taken up again, and its bytes are right."""
    with hub(bench) as (server, env):
        server.cut_at, server.cuts = 5000, 1
        ended = bench.upscale(*UNTRAINED, "-m", REPO, env=env)
        bench.expect(ended.code in (0, 1), f"{ended}")
        if ended.code == 1:
            bench.expect_nothing()
            bench.expect_code(bench.upscale(*UNTRAINED, "-m", REPO, env=env), 0)
        verified = bench.seen(nlsr("models", "verify", REPO, env=env))
        bench.expect_code(verified, 0)
    return "taken up again"


def cut_always(bench: Bench) -> str:
    """A download that never ends well fails with the reason, and what came of it is never loaded."""
    with hub(bench) as (server, env):
        server.cut_at, server.cuts = 5000, 10**6
        ended = bench.upscale(*UNTRAINED, "-m", REPO, env=env)
        bench.expect_code(ended, 1)
        bench.expect_nothing()
        server.cuts = 0
        bench.expect_code(bench.upscale(*UNTRAINED, "-m", REPO, env=env), 0)
    return "fails with the reason; the next call is sound"


def altered(bench: Bench) -> str:
    """A file in the cache with other bytes than the Hub published is refused."""
    with hub(bench) as (_, env):
        bench.expect_code(bench.seen(nlsr("models", "pull", REPO, env=env)), 0)
        blobs = [path for path in (bench.folder / "cache").rglob("blobs/*") if path.stat().st_size > 4096]
        bench.expect(len(blobs) == 1, f"{len(blobs)} large files in the cache")
        data = bytearray(blobs[0].read_bytes())
        data[-100] ^= 1
        blobs[0].chmod(0o644)
        blobs[0].write_bytes(data)
        for command in (("upscale", bench.source, "-o", bench.out, "-m", REPO), ("models", "verify", REPO)):
            ended = bench.seen(nlsr(*command, env=env))
            bench.expect_code(ended, 1)
            bench.expect_said(ended, "SHA-256")
    bench.expect_nothing()
    return "refused by its SHA-256"
