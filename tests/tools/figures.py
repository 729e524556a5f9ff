"""The table of speed and memory in docs/, from what `nlsr bench --json` measured: see `tests.tools.reference`."""

import json
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parents[1] / "assets" / "bench.jsonl"
COLUMNS = ("what", "in", "time", "a pixel", "memory", "beside", "faster", "smaller", "of the machine")


def generate() -> str:
    """Return the machine in a sentence and the results in a table, as Markdown."""
    lines = [json.loads(line) for line in MEASURED.read_text(encoding="utf-8").splitlines()]
    machine = lines[0]["machine"]
    table = [COLUMNS, ("---",) * len(COLUMNS), *(_row(line) for line in lines[1:])]
    return "\n".join([*_sentence(machine), "", *(f"| {' | '.join(row)} |" for row in table)]) + "\n"


def _sentence(machine: dict[str, Any]) -> list[str]:
    rates = ", ".join(
        f"{max(machine['matmul_flops'][name], machine['convolution_flops'][name]) / 1e9:.0f} GFLOP/s in {name}"
        for name in machine["matmul_flops"]
    )
    return [f"{machine['processor']}, {machine['threads']} threads, torch {machine['versions']['torch']}; {rates}."]


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    reference = line["reference"]
    return (
        line["name"],
        line["precision"],
        _seconds(line["ours"]["seconds"]["median"]),
        f"{line['ours']['seconds']['median'] / line['pixels'] * 1e6:.3g} µs",
        _memory(line["ours"]["peak_memory_bytes"]),
        "" if reference is None else f"{reference['name']}: {_seconds(reference['seconds']['median'])}",
        "" if line["speedup"] is None else f"{line['speedup']:.2f}×",
        "" if line["memory_saving"] is None else f"{line['memory_saving']:.1f}×",
        "" if line["share_of_measured_rate"] is None else f"{line['share_of_measured_rate']:.0%}",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.3g} s"


def _memory(bytes_: int | None) -> str:
    return "" if bytes_ is None else f"{bytes_ / 2**20:.0f} MiB"
