"""Photographs that travel: at half their size and as they are, as good as fits; what was there before is left alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import reduce_bicubic
from nlsr_cli.training.photos import read_photograph
from tests.tools.pack import main
from tests.training.photographs import save_photographs


def test_photographs_are_packed_at_half_their_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_photographs(tmp_path / "photos", 3, (64, 80))
    main([str(tmp_path / "out"), str(folder)])
    packed = sorted((tmp_path / "out").iterdir())
    assert [path.stem.rpartition("-")[2] for path in packed] == ["half", "half", "middle", "half"]
    for path in packed:
        name, _, part = path.stem.removeprefix("photos-").rpartition("-")
        whole = read_photograph(folder / f"{name}.png")
        wanted = reduce_bicubic(whole, 2) if part == "half" else whole[16:48, 20:60]
        assert np.abs(np.subtract(read_photograph(path), wanted, dtype=np.int16)).mean() < 1.5
        with Image.open(path) as image:
            assert image.layer[0][1:3] == image.layer[1][1:3], "colours keep all their samples"
    assert "3 photographs, quality 98" in capsys.readouterr().out


def test_quality_goes_down_until_they_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_photographs(tmp_path / "photos", 3, (64, 80))
    main([str(tmp_path / "whole"), str(folder)])
    size = sum(path.stat().st_size for path in (tmp_path / "whole").iterdir()) / 1e6
    main([str(tmp_path / "out"), str(folder), "--megabytes", str(0.8 * size)])
    assert "quality 98" not in capsys.readouterr().out.splitlines()[1]
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none"), str(folder), "--megabytes", "0.0001"])
    assert not (tmp_path / "none").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    folder = save_photographs(tmp_path / "photos", 1)
    with pytest.raises(SystemExit):
        main([str(folder), str(folder)])
    assert list(folder.iterdir())
