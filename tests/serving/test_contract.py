"""The server does what its OpenAPI says, and nothing else, whatever is sent: schemathesis makes requests up from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.serving.serving import Running, picture, running

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, Phase, given, settings, strategies  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.checks import CHECKS  # noqa: E402

TOKEN = "a-token-of-the-tests"
ENDLESS = "/v1/events"
EXAMPLES = int(os.environ.get("NLSR_EXAMPLES", "2"))  # requests to each address; a hundred find more, in minutes
PICTURES = ("application/octet-stream", "image/*")
# What the schema cannot say: which bytes are a picture, which options contradict each other, which jobs there are.
BEYOND = {"positive_data_acceptance"}


@pytest.fixture(scope="module")
def locked() -> Iterator[Running]:
    with running(token=TOKEN, max_pixels=100_000) as found:
        yield found
        assert found.troubles == []


def test_answers_are_as_described(locked: Running) -> None:
    """To requests as they should be, and as they should not: status, type and shape of each answer are described."""
    schema = schemathesis.openapi.from_url(f"{locked.address}/openapi.json").exclude(path=ENDLESS)
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) >= 12
    for operation in operations:
        asking(operation)()


def asking(operation: Any) -> Callable[[], None]:
    """Return what asks one address for this and that."""
    checks = [CHECKS.get_one(name) for name in BEYOND]

    @given(data=strategies.data())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(data: Any) -> None:
        mode = data.draw(strategies.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if mode is GenerationMode.POSITIVE and case.media_type in PICTURES:
            case.media_type, case.body = PICTURES[0], picture()
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=checks)

    return ask


def test_the_server_has_lived_on(locked: Running) -> None:
    assert locked.ask("GET", "/health").status == 200
    assert locked.troubles == []
