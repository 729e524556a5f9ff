"""The door: the commands under one name, the version, the doctor, and what a signal does."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nlsr_cli.commands import bench, evaluate, inspect, models, train, upscale
from nlsr_cli.console import Console
from nlsr_cli.errors import OptionError
from nlsr_cli.version import __version__


class _Commands(TyperGroup):
    """The commands, with a word for those who forget to name one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer keeps the types to itself
        if args and args[0] not in self.commands and Path(args[0]).exists():
            error = OptionError(f"unknown command '{args[0]}'", f"Did you mean: nlsr upscale {args[0]}")
            Console().error(error)
            raise typer.Exit(int(error.exit_code))
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401
        """Run a command, and say what is wrong with its words as everything else is said."""
        extra["standalone_mode"] = False  # which would print in the library's words
        try:
            code = super().main(*args, **extra)
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            wrong = _in_our_words(error)
            if "NoArgs" in type(error).__name__:  # whose message is the help
                error.show()  # type: ignore[attr-defined]
            else:
                Console().error(wrong)
            code = int(wrong.exit_code)
        sys.exit(code or 0)


_WRONG = {  # what the library says, and what it means
    r" \(Possible options: .*\)| \(Did you mean .*\)|\.? Did you mean .*": "",
    r"Input should be a valid integer.*": "it must be a whole number",
    r"Input should be a valid number.*": "it must be a number",
}


def _in_our_words(error: Any) -> OptionError:  # noqa: ANN401
    """Return what Typer says of the words after `nlsr` as an error with a hint."""
    text = said = str(error.format_message())
    for pattern, better in _WRONG.items():
        text = re.sub(pattern, better, text)
    command = error.ctx.command_path if getattr(error, "ctx", None) is not None else "nlsr"
    alike = getattr(error, "possibilities", None) or re.findall(r"Did you mean '([^']+)'", said)
    hint = f"Did you mean {' or '.join(sorted(alike))}?" if alike else f"Try: {command} --help"
    return OptionError(text[:1].lower() + text[1:].rstrip("."), hint)


app = typer.Typer(
    name="nlsr",
    cls=_Commands,
    help="Enlarge pictures up to 16x with NLSN, the Non-Local Sparse Network, losing nothing on the way.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(models.app, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        Console().line(f"nlsr {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command()(upscale.upscale)
app.command()(evaluate.evaluate)
app.command()(train.train)
app.command()(bench.bench)
app.command()(inspect.inspect)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print what nlsr finds on this machine: versions, devices, precisions, formats, models, folders.

    Example: nlsr doctor
    """
    console = Console()
    with console.guarded():
        from nlsr_cli.doctor import examine

        facts = examine()
        if as_json:
            console.json_line(facts)
        else:
            console.facts((name, _flat(value)) for name, value in facts.items())


def _flat(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def main() -> None:
    """Run the command line; a polite kill or a closed terminal ends like Ctrl-C, so that no temporary file stays."""
    ends = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]

    def interrupt(signum: int, frame: object) -> None:
        for end in ends:  # once is enough: a second one must not interrupt the cleaning up
            signal.signal(end, signal.SIG_IGN)
        raise KeyboardInterrupt

    for end in ends:
        if signal.getsignal(end) is not signal.SIG_IGN:  # as under nohup
            signal.signal(end, interrupt)
    app()
