"""What the tests of TIFFs share."""

import pytest

from nlsr_cli.images.formats import tiff


@pytest.fixture(params=[False, True], ids=["classic", "BigTIFF"])
def big(request, monkeypatch):
    """Have files count in 32 bits or in 64, which no test can afford to fill."""
    if request.param:
        monkeypatch.setattr(tiff, "MOST", 0)
    return request.param
