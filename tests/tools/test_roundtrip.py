"""Every format through the command line: kept, or changed with a message, never lost in silence."""

from pathlib import Path

import pytest

from tests.tools.roundtrip import Row, measure

UPRIGHT = "applied once, reset"
EXPECTED = [
    Row("PNG", "kept", "kept", "RGBA", "kept", UPRIGHT, "kept", "kept", "kept", "told"),
    Row("JPEG", "kept", "kept", "on white, said", "kept", UPRIGHT, "kept", "kept", "kept", "told"),
    Row("WEBP", "kept", "RGB of equal channels, said", "RGBA", "kept", UPRIGHT, "kept", "kept", "kept", "told"),
    Row("TIFF", "kept", "kept", "RGBA", "kept", UPRIGHT, "kept", "kept", "kept", "told"),
    Row(
        "BMP",
        "kept",
        "kept",
        "on white, said",
        "sRGB, said",
        "none in the file",
        "kept",
        "none in the file",
        "none in the file",
        "no place",
    ),
    Row("AVIF", "kept", "kept", "RGBA", "kept", UPRIGHT, "kept", "kept", "kept", "told"),
]


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda row: row.format)
def test_round_trip(expected: Row, tmp_path: Path) -> None:
    found = measure(expected.format, tmp_path)
    alpha, _, error = found.alpha.partition(", colour error at the edge ")
    assert Row(**{**vars(found), "alpha": alpha}) == expected
    assert int(error or 0) <= (0 if expected.format in ("PNG", "TIFF") else 24), "a fringe at the alpha edge"
