"""Many photographs in one file: a run learns from them as from the pictures themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.training.data import gather
from nlsr_cli.training.pack import packed_photographs, read_packed, write_pack
from nlsr_cli.training.photos import read_photograph
from tests.tools import pack as tool
from tests.training.photographs import save_photographs, tiny_plan


def test_packed_photographs_are_those_that_were_packed(tmp_path: Path) -> None:
    folder = save_photographs(tmp_path / "photos")
    photographs = {path.name: read_photograph(path) for path in folder.iterdir()}
    pack = tmp_path / "photos.safetensors"
    write_pack(pack, photographs)
    assert [path.name for path in packed_photographs(pack)] == sorted(photographs)
    loose = gather(tiny_plan(tmp_path))
    packed = gather(tiny_plan(tmp_path, data=(str(pack),)))
    assert packed.fingerprint == loose.fingerprint
    both = gather(tiny_plan(tmp_path, data=(str(folder), str(pack)), validation=str(pack)))
    assert (len(both.photographs), both.measured, both.shared) == (8, 4, 4)


def test_what_is_no_pack_is_told(tmp_path: Path) -> None:
    pack = tmp_path / "photos.safetensors"
    pack.write_bytes(b"nothing of the kind")
    with pytest.raises(OptionError, match=r"photos\.safetensors cannot be read"):
        gather(tiny_plan(tmp_path, data=(str(pack),)))
    write_pack(pack, {"grey": np.zeros((64, 64, 1), np.uint8), "flat": np.zeros((3, 3), np.uint8)})  # type: ignore[dict-item]
    for name in ("grey", "flat"):
        with pytest.raises(ImageReadError, match="is no picture of three colours"):
            read_packed(pack / name)
    with pytest.raises(ImageReadError, match="cannot be read"):
        read_packed(pack / "none")


@pytest.mark.parametrize("kilobytes", [12, 40, 1000])
def test_the_tool_keeps_to_its_size_and_takes_of_every_photograph(tmp_path: Path, kilobytes: int) -> None:
    """What has most detail of each; smaller ones whole."""
    save_photographs(tmp_path / "photos", size=(96, 80))
    save_photographs(tmp_path / "small", 1, size=(40, 32))
    out = tmp_path / "photos.safetensors"
    tool.main([str(out), str(tmp_path / "photos"), str(tmp_path / "small"), "--megabytes", str(kilobytes / 1000)])
    found = [read_packed(path) for path in packed_photographs(out)]
    assert len(found) == 5
    assert sum(each.nbytes for each in found) <= 1000 * kilobytes
    assert max(each.shape for each in found) == (96, 80, 3) if kilobytes == 1000 else True
