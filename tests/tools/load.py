"""`python -m tests.tools.load [--requests 1000] [--clients 50]`: many clients at one server, some of them hostile.

A server is started as people start it. Each request is a picture, whose answer must have the bytes that the command
line makes of it, or one of several attacks, whose answer must be the refusal that it deserves. Printed are how many
were lost or wrong, the times of sound requests, the memory of the server on the way, and how long a picture takes here,
one after the other, as a ratio to what an `Upscaler` takes in Python.
"""

from __future__ import annotations

import argparse
import http.client
import io
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from PIL import Image

ASSETS = Path(__file__).parents[1] / "assets"
QUERY = "scale=2&format=png"
HOSTILE = 0.05  # of all requests
RETRIED = (429, 503)
PATIENCE = 600.0


class Sound(NamedTuple):
    """A picture, and what is to become of it."""

    data: bytes
    expected: bytes


def pictures(count: int) -> list[bytes]:
    """Return parts of a photograph, of several sizes."""
    found = []
    with Image.open(ASSETS / "tower.jpg") as image:
        for number in range(count):
            stream = io.BytesIO()
            image.resize((20 + 3 * number, 30 - number)).save(stream, "JPEG" if number % 2 else "PNG")
            found.append(stream.getvalue())
    return found


def by_command(folder: Path, data: list[bytes]) -> list[Sound]:
    """Return pictures with what the command line makes of them."""
    (folder / "in").mkdir()
    for number, each in enumerate(data):
        (folder / "in" / f"{number}.{'jpg' if number % 2 else 'png'}").write_bytes(each)
    words = ["upscale", str(folder / "in"), "-o", str(folder / "out"), "--scale", "2", "--format", "png"]
    subprocess.run([sys.executable, "-m", "nlsr_cli", *words, "--device", "cpu"], check=True, capture_output=True)
    return [Sound(each, next((folder / "out").glob(f"{number}_x2.*")).read_bytes()) for number, each in enumerate(data)]


class Load:
    """What the clients share: the server, the pictures, and what came of requests."""

    def __init__(self, address: str, sound: list[Sound]) -> None:
        self.netloc = urlsplit(address).netloc
        self.sound = sound
        self.counts: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.lock = threading.Lock()

    def request(self, number: int) -> None:
        """Make one request, and judge its answer."""
        dice = random.Random(number)
        try:
            kind = self._attack(dice) if dice.random() < HOSTILE else self._ask(dice.choice(self.sound))
        except (OSError, http.client.HTTPException) as exc:
            kind = f"lost: {type(exc).__name__}"
        with self.lock:
            self.counts[kind] += 1

    def _ask(self, sound: Sound) -> str:
        began = time.monotonic()
        while time.monotonic() < began + PATIENCE:
            status, wait, body = self.post(sound.data)
            if status not in RETRIED:
                with self.lock:
                    self.seconds.append(time.monotonic() - began)
                return "right" if status == 200 and body == sound.expected else f"wrong: {status}"
            time.sleep(float(wait or 1) * random.uniform(0.5, 1))
        return "lost: no place"

    def post(self, data: bytes, query: str = QUERY) -> tuple[int, str | None, bytes]:
        """Send a picture; return status, Retry-After and body of the answer."""
        connection = http.client.HTTPConnection(self.netloc, timeout=PATIENCE)
        try:
            connection.request("POST", f"/v1/upscale?{query}", data, {"Content-Type": "image/*"})
            answer = connection.getresponse()
            return answer.status, answer.headers["Retry-After"], answer.read()
        finally:
            connection.close()

    def _attack(self, dice: random.Random) -> str:
        data = dice.choice(self.sound).data
        kind = dice.randrange(5)
        if kind == 0:  # cut off
            return self._refused(data[: len(data) // 2], 422)
        if kind == 1:  # noise
            return self._refused(dice.randbytes(5000), 422)
        if kind == 2:  # options that make no sense
            return self._refused(data, 422, "scale=1e9")
        head = (
            f"POST /v1/upscale?scale=2 HTTP/1.1\r\nHost: {self.netloc}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        )
        host, port = self.netloc.split(":")
        # Gone in the middle, or at the end.
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as line, suppress(OSError):
            line.sendall(head + (data[: len(data) // 2] if kind == 3 else data))
        return "vanished"

    def _refused(self, data: bytes, expected: int, query: str = QUERY) -> str:
        for _ in range(100):
            status, _, _ = self.post(data, query)
            if status not in RETRIED:
                return "refused" if status == expected else f"wrong: {status} to an attack"
            time.sleep(random.uniform(0.5, 2))
        return "lost: no place for an attack"


def resident(pid: int) -> int:
    """Return the MiB that a process has in memory."""
    fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096 >> 20


def in_python(sound: list[Sound], folder: Path, rounds: int) -> float:
    """Return the seconds that a picture takes in Python."""
    from nlsr_cli import Upscaler

    paths = []
    for number, each in enumerate(sound):
        paths.append(folder / f"python{number}")
        paths[-1].write_bytes(each.data)
    with Upscaler(device="cpu") as upscaler:
        for warm in (True, False):
            began = time.monotonic()
            for step in range(rounds if not warm else len(paths)):
                upscaler.upscale(paths[step % len(paths)], folder / "out.png", scale=2, overwrite=True)
    return (time.monotonic() - began) / rounds


def main() -> int:
    """Run it, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = by_command(folder, pictures(8))
        command = [sys.executable, "-m", "nlsr_cli", "serve", "--port", "0", "--device", "cpu"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        load = Load(process.stdout.readline().strip(), sound)
        try:
            return judge(load, process.pid, folder, given.requests, given.clients)
        finally:
            process.terminate()
            process.wait(60)


def judge(load: Load, pid: int, folder: Path, requests: int, clients: int) -> int:
    """Load a server, print what is found, and return the exit code."""
    for each in load.sound:
        load.post(each.data)
    memory = [resident(pid)]
    steps = range(0, requests, max(1, requests // 5))
    with ThreadPoolExecutor(clients) as pool:
        for first in steps:
            last = min(first + max(1, requests // 5), requests)
            list(pool.map(load.request, range(first, last)))
            memory.append(resident(pid))
    times = statistics.quantiles(load.seconds, n=100)
    rounds = 5 * len(load.sound)
    began = time.monotonic()
    for step in range(rounds):
        load.post(load.sound[step % len(load.sound)].data)
    served = (time.monotonic() - began) / rounds
    alone = in_python(load.sound, folder, rounds)
    sys.stdout.write(
        f"{requests} requests, {clients} clients: {dict(load.counts)}\n"
        f"seconds: p50 {times[49]:.2f}, p99 {times[98]:.2f}, with waiting\n"
        f"memory of the server, MiB: {memory}\n"
        f"one after the other: {served * 1e3:.1f} ms here, {alone * 1e3:.1f} ms in Python, ratio {served / alone:.3f}\n"
    )
    return int(any(kind.startswith(("wrong", "lost")) for kind in load.counts))


if __name__ == "__main__":
    sys.exit(main())
