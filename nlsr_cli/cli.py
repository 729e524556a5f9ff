"""The door: the commands under one name, the version, the doctor, and what a signal does."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Collection
from difflib import SequenceMatcher
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from nlsr_cli.commands import (
    attention,
    bench,
    compare,
    evaluate,
    inspect,
    models,
    plan,
    serve,
    sheet,
    status,
    train,
    upscale,
)
from nlsr_cli.console import Console
from nlsr_cli.errors import OptionError
from nlsr_cli.version import __version__

DEFAULT_COMMAND = "upscale"


class _Commands(TyperGroup):
    """The commands; pictures and options without one are those of `upscale`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer keeps the types to itself
        """Put the command in front that is meant where none is named."""
        own = {name for param in self.get_params(ctx) for name in param.opts}
        rest: list[str] = super().parse_args(ctx, with_command(args, self.commands, own))
        return rest

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401
        """Run a command, and say what is wrong with its words as everything else is said."""
        extra["standalone_mode"] = False  # which would print in the library's words
        if os.environ.get("_NLSR_COMPLETE"):
            _take_words_as_they_are(self)
        try:
            code = super().main(*args, **extra)
        except OptionError as error:
            Console().error(error)
            code = int(error.exit_code)
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


def _take_words_as_they_are(group: Any) -> None:  # noqa: ANN401
    """Let a shell's question be answered at once: it needs no values, and what converts them takes longer to load.

    Nor does it need Rich, which takes what stands in brackets for markup and folds the help at 80 columns.
    """
    for kind in {type(param) for command in group.commands.values() for param in command.params}:
        kind.process_value = lambda self, ctx, value: value
    sys.modules.setdefault("typer.rich_utils", cast("ModuleType", SimpleNamespace(rich_render_text=str)))


def with_command(args: list[str], commands: Collection[str], own: Collection[str]) -> list[str]:
    """Return the words after `nlsr` with `upscale` in front, where they are pictures or options of that command.

    Args:
        args: the words.
        commands: the names of the commands; a file of such a name is not meant.
        own: the options that need no command.

    Raises:
        OptionError: options stand before the command.
    """
    if args and args[0] in ("help", "version") and not os.path.lexists(args[0]):
        return [*args[1:], f"--{args[0]}"]
    if not args or args[0] in commands or args[0].partition("=")[0] in own:
        return args
    if not args[0].startswith("-") or args[0] == "-":
        return [DEFAULT_COMMAND, *args] if _is_input(args[0]) else args
    named = next((word for word in args if word in commands and not Path(word).exists()), None)
    if named is not None:
        others = [word for word in args if word != named]
        raise OptionError("options come after the command", f"Write: nlsr {shlex.join([named, *others])}")
    return [DEFAULT_COMMAND, *args] if any(not word.startswith("-") or word == "-" for word in args) else args


def _is_input(word: str) -> bool:
    """Tell whether a word that is no command is a picture, a folder, a pattern, or was to be one."""
    return word == "-" or bool(set("*?[") & set(word)) or os.path.lexists(word) or bool(re.search(r"[./\\]", word))


_WRONG = {  # what the library says, and what it means
    r" \(Possible options: .*\)| \(Did you mean .*\)|\.? Did you mean .*": "",
    r"Input should be a valid integer.*": "it must be a whole number",
    r"Input should be a valid number.*": "it must be a number",
}


_ELSEWHERE = {  # what other upscalers call what nlsr has under another name, or without one
    ("-i", "--input"): "Write inputs without an option: nlsr upscale photo.jpg -o larger.png",
    (
        "-n",
        "--model-name",
        "--model_name",
        "--model-path",
        "--model_path",
    ): "Name a network, a folder or a file: --model",
    ("-t", "--tile-size", "--tile_size", "--tilesize"): "The side of a tile is: --tile",
    ("-g", "--gpu", "--cpu", "--gpu-id", "--gpu_id", "--cuda"): "Name a device: --device cuda, cuda:1 or cpu",
    ("--outscale", "--upscale", "--factor"): "The factor is: --scale",
    ("--size", "--print", "--dpi", "--resolution"): "Give pixels: --width, --height or --long-side",
    ("-x", "--tta", "--tta-mode"): "Eight passes are averaged with: --ensemble",
    ("-y", "--force"): "Existing outputs are replaced with: --overwrite",
    ("--fp32", "--fp16", "--bf16", "--half"): "Name a precision: --precision fp32, fp16 or bf16",
    ("--ext", "--output-format"): "Name a format: --format png",
    ("--noise", "--noise-level", "--denoise_strength"): "Noise is removed with --denoise, JPEG blocks with --deblock",
    (
        "-j",
        "--threads",
        "--jobs",
    ): "Threads: OMP_NUM_THREADS=4 nlsr upscale photo.jpg. Processes: nlsr upscale holiday --workers 2",
    ("-V",): "The version: nlsr --version",
    ("-v",): "The version: nlsr --version. More about a run: nlsr upscale photo.jpg --verbose",
}


def _in_our_words(error: Any) -> OptionError:  # noqa: ANN401
    """Return what Typer says of the words after `nlsr` as an error with a hint."""
    text = said = str(error.format_message())
    for pattern, better in _WRONG.items():
        text = re.sub(pattern, better, text)
    command = error.ctx.command_path if getattr(error, "ctx", None) is not None else "nlsr"
    alike = getattr(error, "possibilities", None) or re.findall(r"Did you mean '([^']+)'", said)
    name = getattr(error, "option_name", "")
    alike = sorted(alike, key=lambda each: (-SequenceMatcher(None, each, name).ratio(), each))
    hint = f"Did you mean {' or '.join(alike)}?" if alike else f"Try: {command} --help"
    hint = next((theirs for names, theirs in _ELSEWHERE.items() if name in names), hint)
    if text.startswith("No such command") and error.ctx.parent is None:
        text = f"{text.rstrip('.')}, and no such file"
    return OptionError(text[:1].lower() + text[1:].rstrip("."), hint)


app = typer.Typer(
    name="nlsr",
    cls=_Commands,
    help="Enlarge pictures up to 16x with NLSN, the Non-Local Sparse Network, losing nothing on the way.\n\n"
    "`nlsr photo.jpg` is `nlsr upscale photo.jpg`.",
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
app.command()(plan.plan)
app.command()(status.status)
app.command()(status.check)
app.command()(compare.compare)
app.command()(sheet.sheet)
app.command()(serve.serve)
app.command()(attention.attention)
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
