"""What becomes of a file whose decoder crashes, hangs, fills the memory or lies: it fails, and the next one is read."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.batch.planning import plan_batch
from nlsr_cli.engines.local import LocalEngine
from nlsr_cli.errors import ImageReadError, NlsrError
from nlsr_cli.images import probe, read_picture
from nlsr_cli.isolation import decoder as decoding
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.limits import MAIN, RESTING
from nlsr_cli.options import ComputeOptions, OutputOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.route import Aim
from tests.images import files, icc

LIMIT = 2**20

# A worker whose decoder does what a hostile file makes it do: the real one, but for what reads pictures.
HOSTILE = """
import os, signal, sys, time
from nlsr_cli.isolation import worker
real = worker.read_picture
def hostile(file):
    name = file.label
    if "crash" in name: signal.signal(signal.SIGSEGV, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGSEGV)
    if "hang" in name: sum(iter(int, 1))
    if "sleep" in name: time.sleep(60)
    if "doze" in name: time.sleep(7)
    if "exit" in name: os._exit(7)
    if "killed" in name: os.kill(os.getpid(), signal.SIGKILL)
    if "memory" in name: held = bytearray(1 << 45)
    if "bug" in name: {}["missing"]
    if "print" in name: print("noise"); os.write(1, b"noise"); os.write(2, b"noise")
    if "ask" in name: assert sys.stdin.read() == ""
    return real(file)
worker.read_picture = worker.read_any = hostile
worker.main()
"""


@pytest.fixture
def hostile():
    with Decoder([sys.executable, "-c", HOSTILE], seconds=20) as decoder:
        yield decoder


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "sound.png"
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).save(path)
    return path


def stub(code):
    """Return the command of a worker that starts as it should and then does what `code` says."""
    start = "import os, sys, time; from nlsr_cli.isolation.wire import *; from nlsr_cli.isolation.messages import *\n"
    ready = (
        "out = open(1, 'wb', buffering=0); send(out, Ready(1)); receive(open(0, 'rb', buffering=0), (Request,), 1)\n"
    )
    return [sys.executable, "-c", f"{start}{ready}{code}"]


def kinds(folder):
    """Write files of all formats, with alpha, 16 bits, profiles, EXIF and notes among them; return their paths."""
    image = Image.fromarray(files.gradient())
    options = {"icc_profile": icc.rgb("Display P3", icc.DISPLAY_P3), "exif": files.camera_exif(6), "dpi": (300, 300)}
    contents = {fmt: files.saved(image, fmt, **options) for fmt in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")}
    contents |= {fmt: files.saved(image, fmt) for fmt in ("BMP", "GIF")}
    contents["alpha"] = files.saved(image.convert("LA"))
    contents["deep"] = files.saved(Image.fromarray(files.gradient(channels=1)[..., 0].astype(np.uint16) * 257), "TIFF")
    contents["cmyk"] = files.saved(image.convert("CMYK"), "JPEG")
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]


def test_pictures_are_those_that_are_read_in_this_process(tmp_path):
    with Decoder() as decoder:
        for path in kinds(tmp_path):
            assert decoder.probe(path, max_pixels=LIMIT) == probe(path, max_pixels=LIMIT)
            here, there = read_picture(path, max_pixels=LIMIT), decoder.read(path, max_pixels=LIMIT).picture
            assert np.array_equal(here.color, there.color)
            assert here.color.dtype == there.color.dtype
            assert (here.alpha is None) == (there.alpha is None)
            assert here.alpha is None or np.array_equal(here.alpha, there.alpha)
            assert (here.metadata, here.notes) == (there.metadata, there.notes)


def test_errors_are_those_of_this_process(tmp_path, png):
    broken = tmp_path / "broken.png"
    broken.write_bytes(png.read_bytes()[:-30])
    with Decoder() as decoder:
        for path, limit in (
            (tmp_path, LIMIT),
            (tmp_path / "none", LIMIT),
            (broken, LIMIT),
            (png, 19),
            (Path("a\0b"), 1),
        ):
            with pytest.raises(ImageReadError) as here:
                read_picture(path, max_pixels=limit)
            with pytest.raises(ImageReadError) as there:
                decoder.read(path, max_pixels=limit)
            assert (here.value.message, here.value.hint) == (there.value.message, there.value.hint)
            assert here.value.path == there.value.path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", r"its decoder crashed \(SIGSEGV\)"),
        ("exit", r"its decoder crashed \(exit code 7\)"),
        ("killed", "its decoder was killed, most likely because memory ran out"),
        ("memory", r"needs more than \d+ MiB of memory to be decoded"),
        ("bug", r"nlsr failed on it \(KeyError: 'missing'\)"),
    ],
)
def test_one_file_fails_and_the_next_is_read(hostile, png, name, reason):
    with pytest.raises(ImageReadError, match=reason) as told:
        hostile.read(png.read_bytes(), name=f"{name}.png", max_pixels=LIMIT)
    assert told.value.path == Path(f"{name}.png")
    assert told.value.hint
    assert hostile.read(png, max_pixels=LIMIT).picture.width == 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to what it writes to")
def test_it_takes_no_more_memory_than_is_allowed(tmp_path):
    """What is asked for both processes leaves the child what this one does not take."""
    large = tmp_path / "large.png"
    Image.new("RGB", (6000, 6000), "teal").save(large)
    extra = "from nlsr_cli.images.depth import extra; extra.MODULES[extra.PYVIPS] = 'no_such_module'"
    worker = [sys.executable, "-c", f"{extra}; from nlsr_cli.isolation import worker; worker.main()"]
    with Decoder(worker) as decoder:
        with pytest.raises(ImageReadError, match=r"needs more than \d+ MiB of memory to be decoded") as told:
            decoder.read(large, max_pixels=2**26, max_memory=MAIN + RESTING + 2**26)
        assert "--max-memory" in told.value.hint or "pyvips" in told.value.hint
        assert decoder.read(large, max_pixels=2**26, max_memory=2**31).picture.width == 6000


@pytest.mark.parametrize("name", ["hang", "sleep"])
def test_a_decoder_that_never_comes_back_is_ended(png, name):
    """Whether it computes or waits: the clock is the parent's."""
    with Decoder([sys.executable, "-c", HOSTILE], seconds=0.5) as decoder:
        decoder.probe(png, max_pixels=100)  # started
        begun = time.monotonic()
        with pytest.raises(ImageReadError, match="its decoder took longer than 1 s"):
            decoder.read(png.read_bytes(), name=name, max_pixels=100)
        assert time.monotonic() - begun < 10


def test_time_grows_with_the_picture_and_the_file(monkeypatch, png):
    granted = []
    real = decoding.Clock
    monkeypatch.setattr(decoding, "Clock", lambda child, seconds: granted.append(seconds) or real(child, seconds))
    with Decoder() as decoder:
        decoder.probe(png, max_pixels=10**8)
        decoder.read(png, max_pixels=10**8)
        decoder.read(png, max_pixels=10**8, pixels=20)
        decoder.read(png.read_bytes() + bytes(10**7), max_pixels=10**8, pixels=20)
    assert granted[0] == decoding.START_SECONDS
    assert [round(seconds) for seconds in granted[1:]] == [60, 360, 60, 70]


def test_a_batch_goes_on(hostile, tmp_path, png, tiny_network):
    """The file between two sound ones takes its decoder with it: its outcome says so, and the others are done."""
    for name in ("1.png", "2 crash.png", "3.png"):
        (tmp_path / name).write_bytes(png.read_bytes())
    png.unlink()
    plan = plan_batch(
        [tmp_path],
        OutputOptions(target=tmp_path / "out"),
        UpscaleOptions(max_pixels=LIMIT),
        aim=Aim(SizeOptions(scale=2), (2,)),
        decoder=hostile,
    )
    enlarger = Enlarger(tiny_network(), compute=ComputeOptions("cpu", "fp32"), floor=0)
    outcomes = list(LocalEngine(plan, lambda: enlarger, hostile).run())
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].error.message == f"{tmp_path / '2 crash.png'}: its decoder crashed (SIGSEGV)"


def test_what_a_decoder_prints_or_reads_changes_nothing(hostile, png):
    assert hostile.read(png.read_bytes(), name="print, ask", max_pixels=LIMIT).picture.width == 5


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("out.write(b'garbage' * 1000)", "makes no sense"),
        ("out.write(bytes(8))", "makes no sense"),
        ("out.write(b'\\x02' + bytes(7) + b'{}')", "makes no sense"),
        ("send(out, Ready(1))", "makes no sense"),
        ("send(out, Header('PNG', 'L', 2**40, 2**40, 8, 1, False))", "makes no sense"),
        ("send(out, Header('PNG', 'L', 0, 1, 8, 1, False))", "makes no sense"),
        ("out.write(b'\\xff' * 7)", r"its decoder crashed \(exit code 0\)"),
        ("os._exit(3)", r"its decoder crashed \(exit code 3\)"),
    ],
)
def test_a_decoder_that_was_taken_over_can_only_fail(png, code, reason):
    with Decoder(stub(code)) as decoder, pytest.raises(ImageReadError, match=reason):
        decoder.probe(png, max_pixels=LIMIT)


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "import sys; sys.exit(3)"],
        [sys.executable, "-c", "print('no worker at all')"],
        ["/no/such/program"],
    ],
)
def test_a_child_that_does_not_start_is_no_file_s_fault(png, command):
    with Decoder(command) as decoder, pytest.raises(NlsrError, match="decodes pictures") as told:
        decoder.probe(png, max_pixels=LIMIT)
    assert not isinstance(told.value, ImageReadError)
    assert told.value.hint


def test_a_python_without_a_program_is_told(monkeypatch, png):
    monkeypatch.setattr(sys, "executable", "")
    with Decoder() as decoder, pytest.raises(NlsrError, match="does not know its own path"):
        decoder.read(png, max_pixels=LIMIT)


def test_a_child_that_died_while_nobody_asked_costs_no_file(png):
    with Decoder() as decoder:
        decoder.probe(png, max_pixels=LIMIT)
        first = decoder.start()
        first.kill()
        while first.poll() is None:
            time.sleep(0.01)
        assert decoder.read(png, max_pixels=LIMIT).picture.width == 5
        assert decoder.start() is not first


def test_a_child_that_is_killed_while_it_starts_is_started_again(png, tmp_path):
    """It cost the whole job, although no file was to blame and the next one would have started."""
    once = f"from pathlib import Path; mark = Path({str(tmp_path / 'mark')!r})\n"
    once += "if not mark.exists(): mark.touch(); os.kill(os.getpid(), 9)\n"
    start = f"import os\n{once}from nlsr_cli.isolation import worker\nworker.main()"
    with Decoder([sys.executable, "-c", start]) as decoder:
        assert decoder.read(png, max_pixels=LIMIT).picture.width == 5


def test_a_child_that_is_always_killed_does_not_start(png):
    command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    with Decoder(command) as decoder, pytest.raises(NlsrError, match="does not start"):
        decoder.read(png, max_pixels=LIMIT)


def test_a_child_that_was_closed_while_it_started_is_not_started_again(png):
    decoder = Decoder([sys.executable, "-c", "import time; time.sleep(60)"])
    decoder.start()
    threading.Timer(0.5, decoder.close).start()
    with pytest.raises(NlsrError, match="does not start"):
        decoder.read(png, max_pixels=LIMIT)
    assert decoder._child is None


def test_threads_may_ask_at_once(png):
    with Decoder() as decoder, ThreadPoolExecutor(8) as pool:
        widths = pool.map(lambda _: decoder.read(png, max_pixels=LIMIT).picture.width, range(50))
        assert set(widths) == {5}


def test_closing_ends_a_question_that_is_being_asked(png):
    """Ctrl-C must not wait for a file that hangs."""
    decoder = Decoder([sys.executable, "-c", HOSTILE])
    decoder.probe(png, max_pixels=LIMIT)
    child = decoder.start()
    threading.Timer(0.3, decoder.close).start()
    begun = time.monotonic()
    with pytest.raises(ImageReadError, match="killed"):
        decoder.read(png.read_bytes(), name="hang", max_pixels=LIMIT)
    assert time.monotonic() - begun < 10
    assert child.poll() == -signal.SIGKILL


def test_an_interruption_leaves_no_answer_for_the_next_question(monkeypatch, png, tmp_path):
    other = tmp_path / "other.png"
    Image.new("L", (9, 9)).save(other)
    with Decoder() as decoder:
        decoder.probe(png, max_pixels=LIMIT)
        with monkeypatch.context() as patched:
            patched.setattr("nlsr_cli.isolation.wire.receive", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                decoder.read(png, max_pixels=LIMIT)
        assert decoder.read(other, max_pixels=LIMIT).picture.width == 9


def test_no_child_is_left_when_a_decoder_is_forgotten(png):
    decoder = Decoder()
    decoder.probe(png, max_pixels=LIMIT)
    child = decoder.start()
    del decoder
    assert child.poll() is not None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_and_files_without_a_name_are_read_here(tmp_path, png):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(png.read_bytes())).start()
    with Decoder() as decoder, png.open("rb") as file:
        assert decoder.read(pipe, max_pixels=LIMIT).picture.width == 5
        assert decoder.read(Path(f"/dev/fd/{file.fileno()}"), max_pixels=LIMIT).picture.width == 5
        png.unlink()
        assert decoder.read(Path(f"/dev/fd/{file.fileno()}"), max_pixels=LIMIT).picture.width == 5


def test_relative_names_are_those_of_this_process(monkeypatch, tmp_path, png):
    with Decoder() as decoder:
        decoder.start()
        monkeypatch.chdir(tmp_path)
        assert decoder.read(Path("sound.png"), max_pixels=LIMIT).picture.width == 5
        with pytest.raises(ImageReadError, match=r"^none\.png: does not exist$"):
            decoder.read(Path("none.png"), max_pixels=LIMIT)


def test_nothing_beside_the_pictures_is_imported(monkeypatch, tmp_path, png):
    """A module in the folder that somebody works in must not be taken for one of ours."""
    for name in ("numpy", "json", "nlsr_cli", "PIL", "resource"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each not in ("", ".")])
    with Decoder() as decoder:
        assert decoder.read(png, max_pixels=LIMIT).picture.width == 5
    assert not (tmp_path / "executed").exists()


def test_it_works_whatever_the_main_program_is(png):
    """No guard as multiprocessing asks for, no main module at all: a program that comes in by standard input."""
    program = (
        "from pathlib import Path; from nlsr_cli.isolation.decoder import Decoder\n"
        f"print(Decoder().read(Path({str(png)!r}), max_pixels=100).picture.width)\n"
    )
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=True)
    assert done.stdout == "5\n"


def children(pid):
    """Return the processes that decode for a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in listed if b"isolation.worker" in Path(f"/proc/{each}/cmdline").read_bytes()]


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


STOPPED = """
import sys, time
from pathlib import Path
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.limits import MAIN, RESTING
with Decoder(eval(sys.argv[1]), seconds=3) as decoder:
    decoder.probe(Path(sys.argv[2]), max_pixels=2**20)
    print("asking", flush=True)
    print(decoder.read(Path(sys.argv[2]), max_pixels=2**20).picture.width)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs signals that stop a process")
def test_the_time_for_which_a_machine_sleeps_is_no_hang(png, tmp_path):
    """A lid that is closed during a decode: its file was called damaged, or made to do harm."""
    slow = tmp_path / "doze.png"
    slow.write_bytes(png.read_bytes())
    command = [sys.executable, "-c", STOPPED, repr([sys.executable, "-c", HOSTILE]), str(slow)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "asking\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        process.send_signal(signal.SIGCONT)
        said, told = process.communicate(timeout=60)
    assert (said, process.returncode) == ("5\n", 0), told


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def job(folder, count=12):
    """Start the real program on a folder of pictures, and return it when the first is written."""
    for index in range(count):
        Image.fromarray(np.full((150, 150, 3), index, np.uint8)).save(folder / f"{index:02}.png")
    command = [sys.executable, "-m", "nlsr_cli", "upscale", folder, "-o", folder / "out", "--device", "cpu"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert until(lambda: (folder / "out").is_dir() and list((folder / "out").glob("[0-9]*.png")))
    return process


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_a_job_outlives_its_decoder(tmp_path):
    process = job(tmp_path)
    for pid in children(process.pid):
        os.kill(pid, signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    written = len(list((tmp_path / "out").glob("[0-9]*.png")))
    assert (process.returncode, written) in ((0, 12), (3, 11)), said  # by whether it was reading just then
    assert "Traceback" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_decoder_outlives_its_job(tmp_path, number):
    """Ctrl-C on a terminal reaches the whole group of processes: the decoder says nothing, and goes with the job."""
    process = job(tmp_path)
    (pid,) = children(process.pid)
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=60)
    until(lambda: not running(pid), 20)
    assert not running(pid)
    assert "Traceback" not in said
    assert "its decoder" not in said
