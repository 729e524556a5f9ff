"""Who may ask: this server's own page and programs, by its own name, with the token where others reach it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.serving.settings import ServeOptions
from tests.serving.serving import FAST, Running, picture, running

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def locked() -> Iterator[Running]:
    with running(token=TOKEN, names=("nas.local",)) as found:
        yield found


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7", "", "0.0.0.0"])
def test_a_name_that_is_not_the_servers_is_refused(server: Running, name: str) -> None:
    """A page whose name was made to point here would otherwise count as our own (DNS rebinding)."""
    answer = server.ask("GET", "/v1/jobs", headers={"Host": name})
    assert (answer.status, answer.code) == (421, "WrongHost")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1:8000", "LOCALHOST:80", "[::1]:8000", "[::1]"])
def test_its_own_names_are_known(server: Running, name: str) -> None:
    assert server.ask("GET", "/health", headers={"Host": name}).status == 200


def test_more_names_can_be_allowed(locked: Running) -> None:
    assert locked.ask("GET", "/health", headers={"Host": "nas.local:8000"}).status == 200


def test_a_server_that_others_reach_answers_to_addresses_and_not_to_names() -> None:
    options = ServeOptions(host="0.0.0.0", token=TOKEN)
    assert all(options.answers_to(name) for name in ("192.168.0.7", "[fe80::1]", "localhost"))
    assert not any(options.answers_to(name) for name in ("evil.example", "", "[evil]", "1.2.3"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_what_a_page_of_somebody_else_sends_is_refused(server: Running, headers: dict[str, str]) -> None:
    """Such a page can send forms and read pictures without asking, unless the server looks where it came from."""
    for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/jobs"), ("DELETE", f"/v1/jobs/{'0' * 32}")):
        answer = server.ask(method, path, picture() if method == "POST" else None, headers)
        assert (answer.status, answer.code) == (403, "Forbidden")
    assert server.ask("GET", "/v1/jobs").json["jobs"] == []


def test_the_page_itself_may(server: Running) -> None:
    headers = {"Origin": server.address, "Sec-Fetch-Site": "same-origin", "Content-Type": "image/png"}
    answer = server.ask("POST", "/v1/upscale", picture(), headers, **FAST)
    assert answer.status == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server.ask("GET", "/", headers=link).status == 200, "a link on another page leads here"


def test_nothing_is_allowed_to_other_origins(server: Running) -> None:
    answer = server.ask("OPTIONS", "/v1/jobs", headers={"Access-Control-Request-Method": "DELETE"})
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
def test_without_the_token_nothing_is_shown(locked: Running, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given.encode("latin-1").decode("latin-1")}
    for method, path in (
        ("GET", "/v1/jobs"),
        ("POST", "/v1/upscale"),
        ("GET", "/metrics"),
        ("GET", "/v1/options"),
        ("GET", "/v1/events"),
        ("GET", "/v1/results.zip"),
        ("GET", "/no/such/place"),
    ):
        answer = locked.ask(method, path, picture() if method == "POST" else None, headers)
        assert (answer.status, answer.code) == (401, "Unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert TOKEN not in str(locked.ask("GET", "/openapi.json").body)


def test_the_token_opens_and_a_browser_gets_a_cookie_for_it(locked: Running) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert locked.ask("GET", "/v1/jobs", headers=bearer).status == 200
    session = locked.ask("POST", "/v1/session", headers=bearer)
    cookie = session.headers["set-cookie"]
    assert session.status == 204
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert locked.ask("GET", "/v1/jobs", headers={"Cookie": cookie.split(";")[0]}).status == 200
    assert locked.ask("GET", "/v1/jobs", headers={"Cookie": f"nlsr_session={TOKEN}"}).status == 401
    assert locked.ask("POST", "/v1/session").status == 401


def test_the_description_says_what_needs_the_token(locked: Running) -> None:
    paths = locked.ask("GET", "/openapi.json").json["paths"]
    assert paths["/v1/jobs"]["get"]["security"] == [{"token": []}]
    assert "401" in paths["/v1/jobs"]["get"]["responses"]
    assert "security" not in paths["/health"]["get"]


def test_what_an_answer_may_do_in_a_browser(server: Running) -> None:
    """Pages, errors and files alike: a stranger's file is never a page of this server."""
    name = server.post("/v1/jobs", picture(), name="<b>.html", **FAST).json["id"]
    server.wait_for(name)
    for path in ("/", "/health", "/no", f"/v1/jobs/{name}/source", f"/v1/jobs/{name}/result", "/v1/results.zip"):
        headers = server.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        if "jobs" in path:
            assert headers["content-disposition"].startswith("attachment")
            assert headers["content-type"] == "image/png"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "nas.local"])
def test_an_address_that_others_reach_needs_a_token(host: str) -> None:
    with pytest.raises(OptionError, match=r"can be reached by others, and needs a token\nhint: .*--token [0-9a-f]{32}"):
        ServeOptions(host=host)
    assert ServeOptions(host=host, token=TOKEN).token == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_this_machine_alone_needs_none(host: str) -> None:
    """Each of its addresses is one of its names: what the server prints must work as typed."""
    options = ServeOptions(host=host)
    assert options.is_local
    assert options.answers_to(f"[{host}]" if ":" in host else host)


@pytest.mark.parametrize("token", ["", "short", "with spaces in its middle", "umläute-sind-schön"])
def test_a_token_that_is_none(token: str) -> None:
    with pytest.raises(OptionError, match="--token must"):
        ServeOptions(token=token)
