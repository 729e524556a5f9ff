"""What nlsr says reads like plain English: no phrase that sounds translated, and hints that are whole sentences."""

import ast
import re
from collections.abc import Iterator

from nlsr_cli import errors
from tests.tools.messages import PACKAGE, messages

# Each of these once stood in a message. Write "are not", "Omit it", "lies outside", "after the end", "also an input".
UNWANTED = (
    *("that are no ", "that is no ", "that is none", "that are none", "is told", "are told", "leave it away"),
    *("outside of the", "behind the end", "behind the picture", "which is an input too", "made to do harm"),
    *("begin with:", "in the place of the", "holds no comment", "goes on after", "not what the header says"),
)
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}


def test_no_message_sounds_translated() -> None:
    """Short direct sentences, as a technical writer would put them."""
    assert [each for each in messages() if any(phrase in each.lower() for phrase in UNWANTED)] == []


def hints() -> Iterator[tuple[str, str]]:
    """Yield place and text of the hints that stand as plain texts where an error is made."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            kind = KINDS.get(node.func.id) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            if kind is None or not issubclass(kind, errors.NlsrError):
                continue
            assert isinstance(node, ast.Call)
            place = 2 if issubclass(kind, errors.ImageError | errors.RunFolderError | errors.TrainingTooLarge) else 1
            if len(node.args) > place and isinstance(node.args[place], ast.Constant):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", str(ast.literal_eval(node.args[place]))


def test_hints_are_sentences_or_end_with_what_to_type() -> None:
    """A hint begins with a capital letter or the name of the program, and ends with a period or after a colon."""
    found = [(place, hint) for place, hint in hints() if hint]
    assert len(found) > 40
    assert [each for each in found if not (each[1][0].isupper() or each[1].startswith("nlsr "))] == []
    assert [each for each in found if not (each[1].endswith((".", ")")) or ": " in each[1])] == []


def commands() -> Iterator[tuple[str, str]]:
    """Yield the commands that messages tell people to type, with the place: what follows a colon or a quiet `try`."""
    for said, place in messages().items():
        for found in re.findall(r"(?:: |try )((?:nlsr(?! (?:reads|never))|pip|python3? -m pip) [^;,.]*[^;,. ])", said):
            yield place, found


def test_commands_in_messages_can_be_typed() -> None:
    """There is no package nlsr to fetch, a bare pip may be another Python's, and commands and options exist."""
    from typer.main import get_command

    from nlsr_cli.cli import app

    group = get_command(app)
    options = {name for command in group.commands.values() for param in command.params for name in param.opts}
    options |= {name for param in group.params for name in param.opts}
    found = list(commands())
    assert found
    for place, command in found:
        words = command.split()
        if words[0] != "nlsr":
            assert words[0] != "pip", place
            assert not [word for word in words if word.startswith("nlsr")], place
            continue
        named = [word for word in words[1:] if not word.startswith(("-", "{"))]
        assert not named or named[0] in group.commands or named[0].endswith(("jpg", "png")), (place, command)
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}, (place, command)
