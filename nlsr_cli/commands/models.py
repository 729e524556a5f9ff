"""`nlsr models`: which models are there, what they are, and how to get more."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import typer

from nlsr_cli.commands import choices
from nlsr_cli.console import Console
from nlsr_cli.errors import ExitCode
from nlsr_cli.options import parse_network_scale

if TYPE_CHECKING:
    from nlsr_cli.zoo import ModelFacts

app = typer.Typer(help="List, inspect, fetch, check and convert models.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List, inspect, fetch, check and convert models; without a command: list."""
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(
    as_json: choices.JsonLines = False,
) -> None:
    """List the embedded models and those fetched from the Hub.

    Example: nlsr models list
    """
    console = Console()
    with console.guarded():
        from nlsr_cli.zoo import list_models

        models = list_models()
        if as_json:
            for facts in models:
                console.json_line(_plain(facts))
            return
        columns = ("name", "scale", "parameters", "PSNR (Set5, Y)", "SSIM", "licence", "from")
        console.table(columns, [_row(facts) for facts in models])


@app.command()
def info(
    model: choices.Named,
    scale: choices.ModelsScale = None,
    offline: choices.ModelsOffline = False,
    as_json: choices.JsonLines = False,
) -> None:
    """Print everything that is known about a model.

    Example: nlsr models info nlsn-lite-x4
    """
    console = Console()
    with console.guarded():
        from nlsr_cli.zoo import describe, resolve

        values = _plain(describe(resolve(model, _number(scale), offline=offline)))
        if as_json:
            console.json_line(values)
            return
        config = values.pop("config")
        values["size"] = f"{values['size']} bytes"
        notes = values.pop("notes")
        console.facts((name, value) for name, value in {**values, **config}.items() if value not in (None, ""))
        for note in notes:
            console.note(f"note: {note}")


@app.command()
def pull(
    model: choices.HubId,
    offline: choices.ModelsOffline = False,
) -> None:
    """Fetch a model from the Hub into the cache and check it; print its folder.

    Example: nlsr models pull owner/nlsn-x4@main
    """
    console = Console()
    with console.guarded():
        from nlsr_cli.zoo import pull as fetch

        source = fetch(model, offline=offline)
        for note in source.notes:
            console.note(f"note: {note}")
        if source.revision:
            console.note(f"{source.name} is commit {source.revision}")
        console.line(source.weights.parent)


@app.command()
def verify(
    models: choices.Members = None,
    scale: choices.ModelsScale = None,
    offline: choices.ModelsOffline = False,
    as_json: choices.JsonLines = False,
) -> None:
    """Check models: SHA-256, structure, values. Exit code 1 if anything is wrong.

    Example: nlsr models verify
    """
    console = Console()
    sound = True
    with console.guarded():
        from nlsr_cli.zoo import EMBEDDED, verify_named

        for wanted in _members(models or list(EMBEDDED), scale):
            name, findings = verify_named(wanted, _number(scale), offline=offline)
            for finding in findings:
                sound &= finding.ok
                if as_json:
                    console.json_line({"model": name, **dataclasses.asdict(finding)})
                else:
                    verdict = "ok  " if finding.ok else "FAIL"
                    console.line(f"{verdict} {name}: {finding.check}  {finding.detail}".rstrip())
    raise typer.Exit(int(ExitCode.OK if sound else ExitCode.ERROR))


@app.command()
def path(
    model: choices.Named = "lite",
    scale: choices.ModelsScale = None,
) -> None:
    """Print the folder of a model on this machine without using the network.

    Example: nlsr models path nlsn-lite-x4
    """
    console = Console()
    with console.guarded():
        from nlsr_cli.zoo import locate

        console.line(locate(model, _number(scale)))


@app.command()
def convert(
    checkpoint: choices.Checkpoint,
    out: choices.Folder,
    chunk_size: choices.ChunkSize = None,
    n_hashes: choices.Hashes = None,
    res_scale: choices.ResidualScale = None,
    image_skip: choices.ImageSkip = None,
    overwrite: choices.OverwriteFolder = False,
) -> None:
    """Turn a published checkpoint into config.json, model.safetensors and a model card; nothing in it is executed.

    The options say what the shapes of tensors cannot. Their defaults are what the file itself says, else the published
    values.

    Example: nlsr models convert model_x4.pt nlsn-x4
    """
    console = Console()
    with console.guarded():
        from nlsr_cli.zoo.convert import convert as make

        folder = make(
            checkpoint,
            out,
            chunk_size=chunk_size,
            n_hashes=n_hashes,
            res_scale=res_scale,
            image_skip=image_skip,
            overwrite=overwrite,
        )
        console.line(folder)


def _number(scale: str | None) -> int | None:
    return None if scale is None else parse_network_scale(scale)


def _members(names: list[str], scale: str | None) -> list[str]:
    """Return the names with every family, where no scale singles one out, replaced by all its members."""
    from nlsr_cli.zoo import EMBEDDED

    members: dict[str, list[str]] = {}
    for model in EMBEDDED.values():
        members.setdefault(model.family, []).append(model.name)
    return [member for name in names for member in (members.get(name, [name]) if scale is None else [name])]


def _plain(facts: ModelFacts) -> dict[str, Any]:
    """Return facts as values that JSON knows."""
    return {**dataclasses.asdict(facts), "path": str(facts.path), "notes": list(facts.notes)}


def _row(facts: ModelFacts) -> tuple[str, ...]:
    scores = (
        "" if score is None else format(score, digits) for score, digits in ((facts.psnr, ".2f"), (facts.ssim, ".4f"))
    )
    return (facts.name, f"{facts.scale}x", f"{facts.parameters / 1e6:.2f} M", *scores, facts.licence, facts.kind)
