"""`nlsr bench` as people use it: a table or JSON lines, and a mistake told at once."""

import json

from typer.testing import CliRunner, Result

from nlsr_cli.cli import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bench", *arguments])


def test_json_tells_the_machine_and_every_comparison() -> None:
    result = run("--case", "attention", "--quick", "--device", "cpu", "--json")
    assert result.exit_code == 0, result.stderr
    machine, comparison = (json.loads(line) for line in result.stdout.splitlines())
    rates = machine["machine"]
    assert rates["matmul_flops"]["fp32"] > 1e8
    assert rates["copy_bytes_per_second"] > 1e7
    assert comparison["case"] == "attention"
    assert comparison["ours"]["seconds"]["median"] > 0
    assert comparison["reference"]["name"] == "textbook"
    assert comparison["largest_difference"] < 1e-4
    assert 0 < comparison["share_of_measured_rate"] < 1.5


def test_table_has_a_line_for_every_comparison() -> None:
    result = run("--case", "attention", "--quick", "--device", "cpu", "--quiet")
    assert result.exit_code == 0
    assert "GFLOP/s" in result.stdout
    assert "NLSA, 256 features, 64×64" in result.stdout
    assert result.stderr == ""


def test_an_unknown_case_is_told_before_anything_is_measured() -> None:
    result = run("--case", "atention")
    assert result.exit_code == 2
    assert "unknown case 'atention'" in result.stderr
    assert "Did you mean attention?" in result.stderr
