"""The process that decodes: what it answers, what it may take, and that it is gone when its parent is."""

import hashlib
import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Header, Picture, read_picture
from nlsr_cli.isolation import limits
from nlsr_cli.isolation.messages import ANSWERS, Ready, Refusal, Request
from nlsr_cli.isolation.wire import receive, send

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limits are those of Linux")


@pytest.fixture
def worker():
    command = [sys.executable, "-m", "nlsr_cli.isolation.worker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert receive(process.stdout, (Ready,), 0) == Ready(process.pid)
    yield process
    process.kill()
    process.stdin.close()
    process.stdout.close()
    process.wait()


def ask(process, action, source, name="picture", max_pixels=2**20, seconds=20.0):
    send(
        process.stdin, Request(action, source if isinstance(source, bytes) else str(source), name, max_pixels, seconds)
    )
    return receive(process.stdout, ANSWERS[action], 1 << 24)


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).save(path, dpi=(300, 300))
    return path


def test_it_answers_one_request_after_the_other_and_ends_with_its_input(worker, png):
    assert ask(worker, "probe", png) == Header("PNG", "RGB", 4, 5, 8, 1, has_alpha=False)
    assert ask(worker, "probe", png.read_bytes()) == ask(worker, "probe", png)
    content = ask(worker, "read", png)
    assert isinstance(content.picture, Picture)
    assert np.array_equal(content.picture.color, read_picture(png).color)
    assert content.sha256 == hashlib.sha256(png.read_bytes()).hexdigest()
    assert ask(worker, "read", png.with_name("none.png")) == Refusal("does not exist", "")
    assert ask(worker, "read", b"", name="nothing").reason == "is empty"
    assert "the limit is 3" in ask(worker, "probe", png, max_pixels=3).reason
    worker.stdin.close()
    assert worker.wait(20) == 0


def test_what_libraries_print_does_not_reach_the_answers(worker):
    """libtiff prints on standard error, and damage is known by what it prints: that must work under the limits too."""
    fax = damaged_fax()
    with pytest.raises(Exception, match="damaged"):
        read_picture(fax)
    assert "damaged" in ask(worker, "read", fax).reason


def damaged_fax():
    stream = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 2, (200, 200)).astype(bool)
    Image.fromarray(pixels).save(stream, "TIFF", compression="group4")
    data = bytearray(stream.getvalue())
    middle = len(data) // 3
    data[middle : middle + 40] = b"\xff" * 40
    return bytes(data)


@linux
def test_it_gives_up_what_no_decoder_needs(worker):
    stated = Path(f"/proc/{worker.pid}/limits").read_text()
    held = {line[:26].strip(): line[26:].split()[:2] for line in stated.splitlines()}
    assert held["Max core file size"] == ["0", "0"]
    assert held["Max file size"] == [str(1 << 20), str(1 << 20)]
    assert held["Max open files"] == ["64", "64"]
    assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text().strip() == "1000"
    ignored = next(line for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines() if "SigIgn" in line)
    assert int(ignored.split()[1], 16) >> (signal.SIGINT - 1) & 1


@linux
def test_memory_is_what_the_picture_needs_and_no_more(tmp_path):
    """The limit follows the picture: a small file whose decoder wants gigabytes fails, a large picture does not."""
    code = (
        "import numpy as np\n"
        "from nlsr_cli.limits import granted\n"
        "with granted(1 << 28):\n"
        "    np.ones(1 << 27, np.uint8)\n"
        "    try: np.ones(1 << 29, np.uint8)\n"
        "    except MemoryError: print('refused')\n"
        "np.empty(1 << 29, np.uint8)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    assert limits.space_for(0, 24_000_000) - limits.space_for(0, 0) == 24_000_000 * limits.SPACE_PER_PIXEL


@linux
def test_processor_time_ends_it_even_where_nobody_watches_the_clock():
    code = (
        "import os\n"
        "from nlsr_cli.isolation import limits\n"
        "limits.GRACE = 0\n"
        "with limits.watched(0, 0.1):\n"
        "    while True: pass\n"
    )
    done = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    assert done.wait(30) == -signal.SIGXCPU
    done.stdin.close()


@linux
@pytest.mark.parametrize("moment", ["waiting", "working", "before"])
def test_it_is_gone_when_its_parent_is_killed(moment):
    """Also where a decoder never comes back to Python: the kernel ends it when the pipe is closed."""
    working = (
        "import sys, time, os\n"
        "from nlsr_cli.isolation import limits\n"
        f"time.sleep({0.5 if moment == 'before' else 0})\n"
        "with limits.watched(0, 60):\n"
        "    print(os.getpid(), flush=True)\n"
        "    sum(iter(int, 1))\n"  # never ends, and never looks at a signal that Python would handle
    )
    command = (
        f"[sys.executable, '-c', {working!r}]"
        if moment != "waiting"
        else "[sys.executable, '-m', 'nlsr_cli.isolation.worker']"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({command}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)\n"
        f"{'' if moment == 'before' else 'child.stdout.read(1)'}\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        assert alive(child)
        process.kill()
    deadline = time.monotonic() + 20
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_limits_of_the_caller_are_kept():
    """Who runs nlsr under a lower limit keeps it: limits are only ever lowered."""
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))\n"
        "from nlsr_cli.isolation import limits; from nlsr_cli.limits import granted\n"
        "limits.confine()\n"
        "with granted(1 << 40): print(resource.getrlimit(resource.RLIMIT_AS)[0] >> 30)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[1], resource.getrlimit(resource.RLIMIT_AS)[0] >> 30)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "30", "3"]
