"""What can be asked, and what is answered: OpenAPI 3.1, made from the types of the answers."""

from typing import Any

import msgspec

from coral import __version__
from coral.contract.events import Event
from coral.http.model import SystemModel
from coral.http.shadow import ShadowList
from coral.http.state import (
    AlertsTaken,
    DaemonStatus,
    IncidentList,
    Refusal,
    Said,
    SystemList,
    SystemState,
)
from coral.http.tape import RecordedList, TapeView
from coral.report.incident_view import IncidentView

__all__ = ["document"]

_AT = "#/components/schemas/{name}"
_TYPES = (
    *(DaemonStatus, SystemList, SystemState, SystemModel, IncidentList, ShadowList),
    *(RecordedList, TapeView),
    *(Event, IncidentView, Said, AlertsTaken, Refusal),
)
_LIMIT = {
    "name": "limit",
    "in": "query",
    "description": "Most entries of the answer.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000},
}
_EVENTS = "application/cloudevents+json; charset=UTF-8"


def document(prefix: str = "") -> dict[str, Any]:
    """Return the document.

    Parameters
    ----------
    prefix : str
        Path before all addresses.
    """
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template=_AT)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CORAL",
            "version": __version__,
            "description": "What a CORAL process sees, what it found, and what it is told.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": prefix or "/"}],
        "security": [{"token": []}, {}],
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where `http.token` is set.",
                }
            },
        },
    }


def _paths() -> dict[str, Any]:
    named = _parameter("system", "path", "Name of a system.")
    return {
        "/healthz": _probe("alive", "The loop is getting on", "It stands still"),
        "/readyz": _probe("ready", "State restored, partitions dealt, not behind", "Not yet"),
        "/metrics": _get("metrics", "Metrics of Prometheus", _text("They are")),
        "/openapi.json": _get("document", "This document", _of({"type": "object"})),
        "/api/v1/status": _get("status", "The process as a whole", _of(_ref(DaemonStatus))),
        "/api/v1/systems": _get(
            "systems",
            "All systems of this process, by name",
            _of(_ref(SystemList)),
            [_LIMIT, _parameter("after", "query", "Only names behind this one.")],
            refused=422,
        ),
        "/api/v1/systems/{system}": _get(
            "system", "One system", _of(_ref(SystemState)), [named], refused=404
        ),
        "/api/v1/shadow": _get(
            "shadow",
            "How far a second configuration agrees with the main one, over a week",
            _of(_ref(ShadowList)),
        ),
        "/api/v1/ask": _ask(),
        "/api/v1/model": _model(),
        "/api/v1/alerts": _alerts(),
        **_incident_paths(),
        **_recording_paths(),
    }


def _incident_paths() -> dict[str, Any]:
    incident = _parameter("incident", "path", "Its identifier.")
    return {
        "/api/v1/incidents": _get(
            "incidents",
            "The newest incidents and changes of this process, open ones first",
            _of(_ref(IncidentList)),
            [_LIMIT, _parameter("system", "query", "Only of this system.")],
            refused=422,
        ),
        "/api/v1/incidents/{incident}": _get(
            "incident",
            "One incident: its newest event, as it was published",
            _of(_ref(Event), _EVENTS),
            [incident],
            refused=404,
        ),
        "/api/v1/incidents/{incident}/view": _get(
            "view",
            "One incident as the page shows it: in words, and what is drawn",
            _of(_ref(IncidentView)),
            [incident],
            refused=404,
        ),
        "/api/v1/incidents/{incident}/markdown": _get(
            "markdown",
            "One incident for a post-mortem",
            _text("The whole case", "text/markdown"),
            [incident],
            refused=404,
        ),
        "/api/v1/incidents/{incident}/feedback": _get(
            "said",
            "What was said of the cause of one incident",
            _of(_ref(Said)),
            [incident],
            refused=404,
        )
        | _post(incident),
    }


def _recording_paths() -> dict[str, Any]:
    whole = {"schema": {"type": "integer", "minimum": 0}}
    at = [
        _parameter("recording", "path", "Its number.") | whole,
        _parameter("run", "path", "Number of the configuration: 0, or 1 for the second.") | whole,
    ]
    incident = _parameter("incident", "path", "Its identifier.")
    revision = _parameter("revision", "path", "As it stood then.") | whole
    below = "/api/v1/recordings/{recording}/{run}"
    return {
        "/api/v1/recordings": _get(
            "recordings",
            "Recordings that this process was started to show, and how far each has come",
            _of(_ref(RecordedList)),
        ),
        below: _get(
            "tape",
            "What one configuration says of a recording, row by row",
            _of(_ref(TapeView)),
            at,
            refused=404,
        ),
        f"{below}/incidents/{{incident}}/{{revision}}": _get(
            "moment",
            "One incident of a recording as the page shows it, as it stood at a revision",
            _of(_ref(IncidentView)),
            [*at, incident, revision],
            refused=404,
        ),
    }


def _post(incident: dict[str, Any]) -> dict[str, Any]:
    """Return how feedback is given."""
    refused = {
        "401": "The token is missing or wrong",
        "403": "It comes from the page of somebody else",
        "404": "There is no such incident, or feedback is not taken here",
        "415": "It is no JSON",
        "409": "The incident has no such entity, did not have it first, or cannot be recognised",
        "422": "It is no feedback",
        "503": "It could not be stored",
    }
    body = {"type": "object", "required": ["cause"]}
    cause = {
        "cause": "Entity; null takes back what was said, unless `rejected` says more.",
        "rejected": "Entity that was ranked first and was not the cause; `cause` is null then.",
    }
    properties = {
        name: {"type": ["string", "null"], "description": told} for name, told in cause.items()
    }
    return {
        "post": {
            "operationId": "say",
            "summary": "Say what the cause of one incident was, or was not",
            "parameters": [incident],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": body | {"properties": properties}}},
            },
            "responses": {"200": _of(_ref(Said))}
            | {status: _refusal(told) for status, told in refused.items()},
        }
    }


def _get(
    name: str,
    told: str,
    answer: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    refused: int | None = None,
) -> dict[str, Any]:
    answers = {"200": answer, "401": _refusal("The token is missing or wrong")}
    if refused is not None:
        reason = "There is none" if refused == 404 else "A parameter is not as it must be"
        answers[str(refused)] = _refusal(reason)
    asked = {"operationId": name, "summary": told, "responses": answers}
    return {"get": asked | ({"parameters": parameters} if parameters else {})}


def _ask() -> dict[str, Any]:
    since = _parameter("since", "query", "Since when, unix seconds; else the newest rows.")
    system = _parameter("system", "query", "Name of a system of this process.")
    asked = _get(
        "ask",
        "What is wrong with a system now; nothing is changed by asking",
        _of(_ref(Event), _EVENTS),
        [system | {"required": True}, since | {"schema": {"type": "number"}}],
        refused=404,
    )
    asked["get"]["responses"] |= {
        "422": _refusal("A parameter is not as it must be"),
        "503": _refusal("Too many questions at a time, or it is starting"),
    }
    return asked


def _model() -> dict[str, Any]:
    told = "Event time, unix seconds, of a graph that is kept"
    times = [
        _parameter("before", "query", f"{told}; else the oldest one."),
        _parameter("after", "query", f"{told}; else the present one."),
    ]
    system = _parameter("system", "query", "Name of a system of this process.")
    asked = _get(
        "model",
        "Series of a system, those that have left, and how its graph changed between two times",
        _of(_ref(SystemModel)),
        [system | {"required": True}, *(time | {"schema": {"type": "number"}} for time in times)],
        refused=404,
    )
    asked["get"]["responses"] |= {
        "422": _refusal("A parameter is not as it must be"),
        "503": _refusal("Too many questions at a time"),
    }
    return asked


def _alerts() -> dict[str, Any]:
    """Describe the webhook of Alertmanager (version 4) and of Grafana, as far as it is read."""
    text = {"type": "object", "additionalProperties": {"type": "string"}}
    time = {"type": "string", "format": "date-time"}
    alert = {
        "type": "object",
        "required": ["status", "labels", "startsAt"],
        "properties": {
            "status": {"enum": ["firing", "resolved"]},
            "labels": text,
            "annotations": text,
            "startsAt": time,
            "endsAt": time,
            "fingerprint": {"type": "string"},
        },
    }
    alerts = {"type": "array", "maxItems": 1000, "items": alert}
    body = {"type": "object", "required": ["alerts"], "properties": {"alerts": alerts}}
    told = {"required": True, "content": {"application/json": {"schema": body}}}
    answers = {
        "202": _of(_ref(AlertsTaken)),
        "401": _refusal("The token is missing or wrong"),
        "403": _refusal("It comes from a page of another origin"),
        "422": _refusal("There is no alert in it that names a system"),
        "503": _refusal("They cannot be stored now: send them again"),
    }
    asked = {"operationId": "alerts", "summary": "Alerts of others", "responses": answers}
    return {"post": asked | {"requestBody": told}}


def _probe(name: str, well: str, ill: str) -> dict[str, Any]:
    answers = {"200": _text(well), "503": _text(ill)}
    asked = {"operationId": name, "summary": f"Probe: {well.lower()}", "responses": answers}
    return {"get": asked | {"security": [{}]}}


def _ref(kind: type) -> dict[str, Any]:
    return {"$ref": _AT.format(name=kind.__name__)}


def _of(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": "The answer", "content": {kind: {"schema": schema}}}


def _text(told: str, kind: str = "text/plain") -> dict[str, Any]:
    return {"description": told, "content": {kind: {"schema": {"type": "string"}}}}


def _refusal(told: str) -> dict[str, Any]:
    return {"description": told, "content": {"application/json": {"schema": _ref(Refusal)}}}


def _parameter(name: str, place: str, told: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": told,
        "schema": {"type": "string"},
    }
