"""What stands before every request: whose name it calls, which page sent it, who may, and what an answer may do.

A server at a loopback address is reached by every page that its user opens, through their browser. So a request must
call the server by its own name, or a page whose name was made to point here would count as ours (DNS rebinding); and a
browser that says which page sent it must name a page of this server.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nlsr_cli.errors import NlsrError
from nlsr_cli.serving.metrics import Metrics
from nlsr_cli.serving.receiving import drain
from nlsr_cli.serving.refusals import Forbidden, Refusal, Unauthorized, WrongHost, body_of, status_of
from nlsr_cli.serving.settings import ServeOptions

OPEN = frozenset({"/", "/page.css", "/page.js", "/icon.svg", "/health", "/openapi.json"})  # nothing of anybody's
COOKIE = "nlsr_session"
_READ = "nlsr.read"  # in a scope: the body was read to its end, or there is none
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH", "TRACE"})


class Guard:
    """Stands before an application.

    Args:
        app: the application.
        options: names and token.
        metrics: counts every answer.
        on_trouble: is told what nobody foresaw; the client is told that the server has failed, and nothing else.
    """

    def __init__(
        self, app: ASGIApp, options: ServeOptions, metrics: Metrics, on_trouble: Callable[[Exception], None]
    ) -> None:
        self._app, self._options, self._metrics, self._on_trouble = app, options, metrics, on_trouble

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        answered: list[int] = []

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])
                message["headers"] = _with_headers(message.get("headers", []))
            await send(message)

        async def receive_noted() -> Message:
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body"):
                scope[_READ] = True
            return message

        request = Request(scope, receive_noted)
        try:
            self._check(request)
            await self._app(scope, receive_noted, send_guarded)
        except NlsrError as error:
            await refuse(request, error)(scope, receive_noted, send_guarded)
        except ClientDisconnect:  # nobody is there to be told
            pass
        except Exception as error:  # noqa: BLE001 - the last border: the server lives on
            self._on_trouble(error)
            if not answered:
                failed = NlsrError("the server has failed", "Tell whoever runs it.")
                await refuse(request, failed)(scope, receive_noted, send_guarded)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self._metrics.count_request(method, _route_of(scope), answered[0] if answered else 499)

    def _check(self, request: Request) -> None:
        """Let a request through.

        Raises:
            WrongHost, Forbidden, Unauthorized: or not.
        """
        host = request.headers.get("host", "")
        name = re.sub(r":[0-9]+$", "", host)
        if not self._options.answers_to(name):
            hint = f"Use its address, or start it with: nlsr serve --allow-host {name[:80] or 'NAME'}"
            raise WrongHost(f"this server is not called '{name[:80]}'", hint)
        _check_origin(request, host)
        token = self._options.token
        if token is not None and request.scope["path"] not in OPEN and not _is_allowed(request, token):
            raise Unauthorized("the token is missing or wrong", 'For example: curl -H "Authorization: Bearer TOKEN"')


def _check_origin(request: Request, host: str) -> None:
    """Refuse what a page of somebody else sent.

    Raises:
        Forbidden: it is that.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    visit = request.method in ("GET", "HEAD") and request.headers.get("sec-fetch-mode") == "navigate"
    foreign = origin is not None and origin not in (f"http://{host}", f"https://{host}")
    if foreign or (site not in ("none", "same-origin") and not (visit and request.scope["path"] == "/")):
        raise Forbidden(
            "the request comes from a page of another origin", "Use the page of this server, or no browser."
        )


def _is_allowed(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _same(given.strip(), token):
        return True
    return _same(request.cookies.get(COOKIE, ""), session_of(token))


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def session_of(token: str) -> str:
    """Return what the cookie of a browser holds that has shown the token, which does not follow from it."""
    return hmac.new(token.encode(), b"nlsr session", hashlib.sha256).hexdigest()


def refuse(request: Request, error: NlsrError) -> Response:
    """Return the answer that tells of an error, and does not wait for what is still to come of the request."""
    headers = dict(error.headers) if isinstance(error, Refusal) else {}
    return _Refused(body_of(error), status_of(error), headers)


class _Refused(JSONResponse):
    """An error. Where the body of the request was not read to its end, it is the last answer of its connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get(_READ):
            await drain(Request(scope, receive))
        if not scope.get(_READ):
            self.headers["Connection"] = "close"
        await super().__call__(scope, receive, send)


def _with_headers(given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers with those that every answer has, unless it has its own."""
    names = {name.lower() for name, _ in given}
    more = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    return [*given, *(each for each in more if each[0] not in names)]


def _route_of(scope: Scope) -> str:
    """Return the address of a request without what differs from job to job; "other" of one that does not exist."""
    return str(scope.get("nlsr.route", "other"))
