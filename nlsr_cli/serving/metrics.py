"""What a server counts, in the text format of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

from nlsr_cli.serving.job import STATES, Job

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)  # seconds
MEDIA_TYPE = "text/plain; version=0.0.4"


class Metrics:
    """Counts requests and pictures. Any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._jobs: Counter[str] = Counter()
        self._seconds: Counter[float] = Counter()
        self._total_seconds, self._total_pixels = 0.0, 0

    def count_request(self, method: str, route: str, status: int) -> None:
        """Count an answer; `route` is the address without what differs from job to job."""
        with self._lock:
            self._requests[method, route, status] += 1

    def count_job(self, job: Job) -> None:
        """Count a job that is over."""
        with self._lock:
            self._jobs[job.state] += 1
            if job.result is not None:
                self._seconds[next((each for each in BUCKETS if job.result.seconds <= each), float("inf"))] += 1
                self._total_seconds += job.result.seconds
                self._total_pixels += job.result.height * job.result.width

    def page(self, states: Mapping[str, int], waiting: int) -> str:
        """Return all that was counted, and how many jobs are in each of `states`, with those that wait."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines(states, waiting))

    def _lines(self, states: Mapping[str, int], waiting: int) -> Iterator[str]:
        yield from _head("nlsr_requests_total", "counter", "Answers by method, address and status.")
        for (method, route, status), count in sorted(self._requests.items()):
            yield f'nlsr_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}'
        yield from _head("nlsr_pictures_total", "counter", "Pictures that were done or failed.")
        for state in ("done", "failed"):
            yield f'nlsr_pictures_total{{outcome="{state}"}} {self._jobs[state]}'
        yield from _head("nlsr_result_pixels_total", "counter", "Pixels of results.")
        yield f"nlsr_result_pixels_total {self._total_pixels}"
        yield from _head("nlsr_jobs", "gauge", "Jobs that are known, by state.")
        for state in STATES:
            yield f'nlsr_jobs{{state="{state}"}} {states.get(state, 0)}'
        yield from _head("nlsr_queue_length", "gauge", "Pictures that wait.")
        yield f"nlsr_queue_length {waiting}"
        yield from _head("nlsr_picture_seconds", "histogram", "Time that a picture took, without waiting.")
        total = 0
        for bucket in (*BUCKETS, float("inf")):
            total += self._seconds[bucket]
            yield f'nlsr_picture_seconds_bucket{{le="{"+Inf" if bucket == float("inf") else bucket}"}} {total}'
        yield f"nlsr_picture_seconds_sum {self._total_seconds:g}"
        yield f"nlsr_picture_seconds_count {total}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
