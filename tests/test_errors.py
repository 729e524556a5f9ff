"""The error tree: drawn at the top of its file as it is, every error usable across processes."""

import inspect
import pickle
import re
from pathlib import Path

import pytest

from nlsr_cli import errors
from nlsr_cli.errors import ExitCode, ImageReadError, MissingExtra, NlsrError, OutOfMemory

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, NlsrError)]


def test_the_drawing_shows_every_class_below_its_parent() -> None:
    drawn: dict[str, str] = {}
    trail: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)(\(|\s|$)", line):
            depth = len(match[1]) // 4
            if match[2] in {kind.__name__ for kind in CLASSES}:
                trail[depth:] = [match[2]]
                drawn[match[2]] = trail[depth - 1] if depth else "Exception"
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in CLASSES if kind.__base__}


@pytest.mark.parametrize(
    "error",
    [
        NlsrError("what", "do"),
        ImageReadError("a.png", "is empty"),
        OutOfMemory(32, "cpu"),
        MissingExtra("depth", "reading 16-bit colour"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error: NlsrError) -> None:
    """Worker processes hand their errors back this way."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.__dict__) == (str(error), error.__dict__)


def test_image_errors_name_the_file() -> None:
    error = ImageReadError(Path("x") / "a.png", "is empty", "hint")
    named = f"{Path('x') / 'a.png'}: is empty"
    assert (error.message, error.path, error.reason) == (named, Path("x/a.png"), "is empty")


def test_a_traceback_shows_the_hint() -> None:
    """Python prints nothing but `str` of an error, and shows a hint to nobody who does not ask for the attribute."""
    assert str(NlsrError("what is wrong", "Do this.")) == "what is wrong\nhint: Do this."
    assert str(NlsrError("what is wrong")) == "what is wrong"
    error = NlsrError("what", "Do this.")
    error.message = "a.png: what"  # as a batch puts the file in front
    assert str(error) == "a.png: what\nhint: Do this."


def test_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "ERROR": 1,
        "USAGE": 2,
        "PARTIAL": 3,
        "INTERRUPTED": 130,
        "BROKEN_PIPE": 141,
    }
