"""`nlsr serve`: pictures over HTTP, for a page in a browser and for programs."""

from __future__ import annotations

from pathlib import Path

import typer

from nlsr_cli.commands import choices, serve_choices
from nlsr_cli.console import Speech
from nlsr_cli.console.serving import ServingConsole
from nlsr_cli.errors import ExitCode
from nlsr_cli.options import ComputeOptions, parse_memory


def serve(
    host: serve_choices.Host = "127.0.0.1",
    port: serve_choices.Port = 8000,
    token: serve_choices.Token = None,
    allow_host: serve_choices.AllowHost = None,
    model: serve_choices.Models = None,
    device: choices.Device = "auto",
    precision: choices.UpscalePrecision = "auto",
    max_memory: serve_choices.Memory = None,
    state: serve_choices.State = None,
    keep: serve_choices.Keep = 60.0,
    queue: serve_choices.Queue = 128,
    max_upload: serve_choices.MaxUpload = "256M",
    max_pixels: serve_choices.LargestPicture = 1 << 26,
    max_seconds: serve_choices.MaxSeconds = 600.0,
    offline: choices.Offline = False,
    quiet: choices.OnlyResults = False,
    verbose: serve_choices.Verbose = False,
) -> None:
    """Serve a page and an API that enlarge pictures, until Ctrl-C or a polite kill.

    The address is printed to stdout once it answers. Without --token only this machine reaches it.

    Example: nlsr serve --port 8000
    """
    console = ServingConsole(Speech(quiet=quiet, verbose=verbose))
    with console.guarded():
        from nlsr_cli.serving import extra
        from nlsr_cli.serving.settings import ServeOptions

        options = ServeOptions(
            host=host,
            port=port,
            token=token,
            names=tuple(allow_host or ()),
            models=tuple(model or ()),
            compute=ComputeOptions(device, precision),
            offline=offline,
            max_memory=None if max_memory is None else parse_memory(max_memory),
            state=None if state is None else Path(state),
            keep=60 * keep,
            queue=queue,
            max_upload=parse_memory(max_upload, "--max-upload"),
            max_pixels=max_pixels,
            max_seconds=max_seconds,
        )
        extra.check()
        console.show("loading")
        from nlsr_cli.serving.server import Hearer
        from nlsr_cli.serving.server import serve as run

        hearer = Hearer(
            ready=lambda address: console.ready(address, token=token is not None),
            over=console.job,
            trouble=console.trouble,
        )
        lost = run(options, hearer)
        console.ended(lost)
    raise typer.Exit(int(ExitCode.PARTIAL if lost else ExitCode.OK))
