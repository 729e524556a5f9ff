"""The page of a server, which is one for all who open it: nothing in it is anybody's."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def index(request: Request) -> Response:
    """Return the page."""
    headers = {"Content-Security-Policy": POLICY}
    return Response(_part("nlsr_cli.serving", "page.html"), media_type="text/html", headers=headers)


async def style(request: Request) -> Response:
    """Return its style, which begins as that of the page of a comparison does."""
    look = _part("nlsr_cli.viewing", "look.css") + _part("nlsr_cli.serving", "page.css")
    return Response(look, media_type="text/css")


async def script(request: Request) -> Response:
    """Return its script."""
    return Response(_part("nlsr_cli.serving", "page.js"), media_type="text/javascript")


async def icon(request: Request) -> Response:
    """Return its icon."""
    return Response(_part("nlsr_cli.serving", "icon.svg"), media_type="image/svg+xml")


@cache
def _part(room: str, name: str) -> str:
    return files(room).joinpath(name).read_text("utf-8")
