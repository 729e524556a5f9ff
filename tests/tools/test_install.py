"""How a checkout is installed: the build of PyTorch that is taken, and what is said where an index does not answer."""

import http.server
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import install


class _Silent(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path.startswith("/whl/")
        self.send_response(200 if good else 404)
        self.end_headers()
        self.wfile.write(b"not a wheel")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("system", "driver", "given", "wanted"),
    [
        ("Linux", False, None, install.CPU_INDEX),
        ("Linux", True, None, ""),
        ("Darwin", False, None, ""),
        ("Linux", False, "", ""),
        ("Linux", True, "https://example.org/cu130", "https://example.org/cu130"),
    ],
)
def test_cpu_build_is_taken_where_no_driver_is(
    system: str, driver: bool, given: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/nvidia-smi" if driver else None)
    assert install.wanted_index(given) == wanted


def test_index_that_does_not_answer_is_noticed(index: str) -> None:
    assert install.reached(f"{index}/whl/cpu")
    assert not install.reached(f"{index}/absent")
    assert not install.reached("http://127.0.0.1:1/whl/cpu")


def test_altered_pip_is_refused(index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without ensurepip gets pip from PyPI, by its hash."""
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(install, "PIP", (f"{index}/whl/pip-26.3-py3-none-any.whl", install.PIP[1]))
    with pytest.raises(SystemExit, match="SHA-256 differs"):
        install.make_environment(tmp_path / "env")


def test_environment_that_is_there_is_kept(tmp_path: Path) -> None:
    python = install.make_environment(tmp_path / "env")
    (tmp_path / "env" / "kept").touch()
    assert install.make_environment(tmp_path / "env") == python
    assert (tmp_path / "env" / "kept").exists()


def test_what_will_be_fetched_is_said_first(tmp_path: Path) -> None:
    """The index is not there and pip fails at once: both in a line, and no traceback."""
    env = {"PATH": "", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}
    words = [sys.executable, install.__file__, tmp_path / "env", "--torch-index", "http://127.0.0.1:1"]
    ended = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    first, *rest = ended.stdout.splitlines()
    assert first.startswith(f"Installing nlsr into {tmp_path / 'env'}")
    assert "to download" in rest[0]
    assert "http://127.0.0.1:1 cannot be reached" in ended.stdout
    assert "error: pip failed" in ended.stderr
    assert "hint: " in ended.stderr
    assert "Traceback" not in ended.stderr
