"""What all tests share: sample pictures, tiny networks, and an environment without the user's settings."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

# Before torch is loaded: as the command line does, and tests run side by side.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import numpy as np
import pytest
import torch
from PIL import Image

from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.storing import Patch, Pieces
from tests.folding import mounted

ASSETS = Path(__file__).parent / "assets"


def file_of(*pieces: bytes | Patch, notes: tuple[str, ...] = ()) -> Pieces:
    """Yield a file, as an encoder does."""
    yield from pieces
    return notes


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("HF_", "NLSR_", "HUGGING")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # a test that means to reach a server says so
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Return a photograph of 48x40 pixels in a folder of its own."""
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "photo.png"
    with Image.open(ASSETS / "colosseum.png") as image:
        image.crop((60, 60, 108, 100)).save(path)
    return path


@pytest.fixture
def tiny_network() -> Callable[..., NLSN]:
    """Return a maker of small random networks; the same arguments give the same weights."""

    def make(**settings: object) -> NLSN:
        defaults = {"scale": 2, "n_feats": 8, "n_resblocks": 1, "n_hashes": 2, "chunk_size": 16, "res_scale": 1.0}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = NLSN(NLSNConfig.from_dict({**defaults, **settings}))
        return network.eval()

    return make


@pytest.fixture
def folding(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a maker of folders whose file system takes names for one: "case", "form" or "both" make no difference."""
    with ExitStack() as mounts:

        def make(fold: str) -> Path:
            point = tmp_path / f"folds {fold}"
            point.mkdir()
            try:
                return mounts.enter_context(mounted(point, fold))
            except OSError as exc:
                pytest.skip(f"needs a file system that folds names: {exc}")

        yield make


def pixels(path: Path) -> np.ndarray:
    """Return the decoded pixels of a file."""
    with Image.open(path) as image:
        return np.asarray(image)


def skip_where_ignored(kind: str) -> None:
    """Skip where a signal is ignored, as by background jobs and under nohup: what is started inherits that."""
    if signal.getsignal(getattr(signal, kind)) is signal.SIG_IGN:
        pytest.skip(f"{kind} is ignored here, and so it is by what is started")
