"""A small Hub on 127.0.0.1: what the real client asks for, and the ways in which a real Hub fails."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>.+)/(?P<file>[^/]+)")


def commit_of(files: dict[str, bytes]) -> str:
    """Return a commit hash that follows from the content, as git's does."""
    return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()


@dataclass
class FakeHub:
    """Repositories, and faults that a test switches on. `requests` records (method, path, Range header)."""

    url: str = ""
    repos: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)  # repo -> commit -> file -> bytes
    refs: dict[tuple[str, str], str] = field(default_factory=dict)  # (repo, branch or tag) -> commit
    gated: set[str] = field(default_factory=set)
    private: dict[str, str] = field(default_factory=dict)  # repo -> the token that opens it
    tokens: set[str] | None = None  # those that are sound; any other one is refused, whatever it is for
    status: int = 0  # answer everything with this
    cut_at: int = 0  # break the connection after so many bytes of a large file ...
    cuts: int = 0  # ... so many times
    short_by: int = 0  # announce and send so many bytes less than the HEAD request promised
    bare: bool = False  # answer like any web server, without the Hub's headers
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def push(self, repo: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Add a commit to a branch and return its hash."""
        commit = commit_of(files)
        self.repos.setdefault(repo, {})[commit] = files
        self.refs[repo, branch] = commit
        return commit


class Handler(BaseHTTPRequestHandler):
    """Answers HEAD and GET of /{repo}/resolve/{revision}/{file}."""

    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def log_message(self, *_: object) -> None:
        """Stay silent: the tests read stderr."""

    def refuse(self, status: int, code: str = "", commit: str = "", message: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if code or message:
            self.send_header("X-Error-Message", message or code)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, *, body: bool) -> None:
        hub = self.hub
        hub.requests.append((self.command, self.path, self.headers.get("Range", "")))
        match = RESOLVE.fullmatch(self.path)
        if hub.status:
            return self.refuse(hub.status)
        given = self.headers.get("Authorization")
        if hub.tokens is not None and given is not None and given.removeprefix("Bearer ") not in hub.tokens:
            return self.refuse(401, message="Invalid credentials in Authorization header")
        if match is None or match["repo"] not in hub.repos:
            return self.refuse(404, "RepoNotFound")
        repo = match["repo"]
        if repo in hub.private and self.headers.get("Authorization") != f"Bearer {hub.private[repo]}":
            return self.refuse(401, "RepoNotFound")
        if repo in hub.gated:
            return self.refuse(403, "GatedRepo")
        revision = match["revision"].replace("%2F", "/")
        commit = hub.refs.get((repo, revision), revision)
        if commit not in hub.repos[repo]:
            return self.refuse(404, "RevisionNotFound")
        data = hub.repos[repo][commit].get(match["file"])
        if data is None:
            return self.refuse(404, "EntryNotFound", commit)
        return self.send_file(data, commit, body=body)

    def send_file(self, data: bytes, commit: str, *, body: bool) -> None:
        hub, whole = self.hub, len(data)
        large = whole > 4096
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        sent = data[first : whole - (hub.short_by if body and large else 0)]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{whole - 1}/{whole}")
        if not hub.bare:
            self.send_header("X-Repo-Commit", commit)
        if large:  # a real Hub keeps large files under their SHA-256, small ones under git's own hash
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Linked-Size", str(whole))
        blob = hashlib.sha1(b"blob %d\0" % whole + data).hexdigest()
        self.send_header("ETag", f'"{blob}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if body:
            if hub.cuts and len(sent) > hub.cut_at and large:
                hub.cuts -= 1
                sent = sent[: hub.cut_at]
                self.close_connection = True
            self.wfile.write(sent)


@contextmanager
def serve() -> Iterator[FakeHub]:
    """Run a Hub on a free port until the block ends."""
    hub = FakeHub()
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
