"""The addresses as OpenAPI describes them: for people, for generated clients, and for the test that holds us to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nlsr_cli.serving.asked import LONGEST, OPTIONS, OTHERS
from nlsr_cli.serving.job import STATES
from nlsr_cli.serving.metrics import MEDIA_TYPE
from nlsr_cli.serving.refusals import MEANINGS
from nlsr_cli.version import __version__

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_BINARY = {"type": "string", "format": "binary"}
_ANY_PICTURE = {"image/*": {"schema": _BINARY}, "application/octet-stream": {"schema": _BINARY}}
_ALWAYS = (421, 403)
_UPLOAD = (400, 408, 413, 422, 429, 503, 507)


def document(models: Iterable[str], *, token: bool) -> dict[str, Any]:
    """Return the description of a server with these models; with a token, nearly everything asks for it."""
    upload = _upload(list(models))
    paths: dict[str, Any] = {
        "/health": {
            "get": _get("Tell whether the server takes pictures", _json(_object(status=_TEXT)), 503, open_=True)
        },
        "/metrics": {"get": _get("Count requests and pictures, for Prometheus", {MEDIA_TYPE: {"schema": _TEXT}})},
        "/openapi.json": {"get": _get("Describe all addresses", _json({"type": "object"}), open_=True)},
        "/v1/session": {"post": _operation("Get a cookie in place of the token", {204: _answer("The cookie.")})},
        "/v1/options": {"get": _get("List models, formats and limits", _json(_OFFER))},
        "/v1/upscale": {
            "post": {
                **_operation(
                    "Enlarge a picture, and answer with it", {200: _answer("The picture.", _PICTURES)}, *_UPLOAD
                ),
                **upload,
            }
        },
        "/v1/jobs": {
            "get": _get("List all jobs", _json(_object(jobs={"type": "array", "items": _ref("Job")}))),
            "post": {
                **_operation("Accept a picture", {202: _ACCEPTED}, *_UPLOAD),
                **upload,
            },
        },
        "/v1/jobs/{id}": {
            "get": {**_get("Show a job", _json(_ref("Job")), 404), **_ID},
            "delete": {**_operation("Cancel and forget a job", {204: _answer("It is gone.")}, 404), **_ID},
        },
        "/v1/jobs/{id}/source": {"get": {**_get("Download what was uploaded", _PICTURES, 404), **_ID}},
        "/v1/jobs/{id}/result": {"get": {**_get("Download the result", _PICTURES, 404, 409), **_ID}},
        "/v1/jobs/{id}/events": {"get": {**_get("Follow a job until it is over", _EVENTS, 404), **_ID}},
        "/v1/events": {"get": _get("Follow all jobs", _EVENTS)},
        "/v1/results.zip": {
            "get": {
                **_get("Download results in one archive", {"application/zip": {"schema": _BINARY}}, 400, 404),
                "parameters": [_parameter("id", {"type": "array", "items": _TEXT}, "Only these jobs.")],
            }
        },
    }
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "nlsr", "version": __version__, "description": "Enlarge pictures with NLSN."},
        "paths": paths,
        "components": {"schemas": {"Job": _JOB, "Error": _ERROR}},
    }
    operations = [each for path in paths.values() for each in path.values()]
    closed = [each for each in operations if not each.pop("x-open", False)]
    if token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for operation in closed:
            operation["security"] = [{"token": []}]
            operation["responses"]["401"] = _error(401)
    return found


def _upload(models: list[str]) -> dict[str, Any]:
    """Return the parameters and the body of what takes a picture."""
    schemas = {name: ({**option.schema}, option.help) for name, option in OPTIONS.items()}
    schemas["model"] = {"type": "string", "enum": models}, OTHERS["model"]
    schemas["name"] = {"type": "string", "maxLength": LONGEST}, OTHERS["name"]
    fields = {name: {**schema, "description": text} for name, (schema, text) in schemas.items()}
    form = {
        "type": "object",
        "properties": {"picture": _BINARY, **fields},
        "required": ["picture"],
        "additionalProperties": False,
    }
    return {
        "parameters": [_parameter(name, schema, text) for name, (schema, text) in schemas.items()],
        "requestBody": {"required": True, "content": {**_ANY_PICTURE, "multipart/form-data": {"schema": form}}},
    }


def _parameter(name: str, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}


def _operation(summary: str, answers: Mapping[int, Any], *errors: int) -> dict[str, Any]:
    refusals = {str(status): _error(status) for status in (*_ALWAYS, *errors)}
    return {"summary": summary, "responses": {**{str(key): each for key, each in answers.items()}, **refusals}}


def _get(summary: str, content: Mapping[str, Any], *errors: int, open_: bool = False) -> dict[str, Any]:
    return {**_operation(summary, {200: _answer(summary, content)}, *errors), **({"x-open": True} if open_ else {})}


def _answer(text: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"description": text, **({"content": dict(content)} if content else {})}


def _error(status: int) -> dict[str, Any]:
    found = _answer(MEANINGS[status], _json(_ref("Error")))
    if status in (429, 503, 507):
        found["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": _TEXT}}
    return found


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"oneOf": [schema, {"type": "null"}]}


_SIZE = _object(height=_COUNT, width=_COUNT)
_ERROR = _object(error=_object(code=_TEXT, message=_TEXT, hint=_TEXT))
_RESULT = _object(
    name=_TEXT,
    media_type=_TEXT,
    bytes=_COUNT,
    size=_SIZE,
    seconds={"type": "number"},
    notes={"type": "array", "items": _TEXT},
    url=_TEXT,
)
_JOB = _object(
    id={"type": "string", "pattern": "^[0-9a-f]{32}$"},
    name=_TEXT,
    state={"type": "string", "enum": list(STATES)},
    model=_TEXT,
    options={"type": "object"},
    source=_object(format=_TEXT, size=_SIZE, url=_TEXT),
    ahead=_or_null(_COUNT),
    tiles=_object(done=_COUNT, total=_COUNT),
    created={"type": "number"},
    finished=_or_null({"type": "number"}),
    result=_or_null(_RESULT),
    error=_or_null(_object(code=_TEXT, message=_TEXT, hint=_TEXT)),
)
_OFFER = _object(
    models={"type": "array", "items": _object(name=_TEXT, scales={"type": "array", "items": _COUNT})},
    formats={"type": "array", "items": _TEXT},
    limits=_object(bytes=_COUNT, pixels=_COUNT, seconds={"type": "number"}, queue=_COUNT, per_client=_COUNT),
    keep_seconds={"type": "number"},
)
_PICTURES = {"image/*": {"schema": _BINARY}, "application/octet-stream": {"schema": _BINARY}}
_EVENTS = {"text/event-stream": {"schema": _TEXT}}
_LINK = {"Location": {"description": "Where the job is.", "required": True, "schema": _TEXT}}
_ACCEPTED = {**_answer("The job.", _json(_ref("Job"))), "headers": _LINK}
_ID = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}
