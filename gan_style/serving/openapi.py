"""The OpenAPI description of the interface."""

from collections.abc import Sequence
from typing import Any

from gan_style.serving.options import LISTS, MOST_STYLES, TranslateOptions
from gan_style.serving.request import MEDIA_TYPES
from gan_style.version import VERSION

_MISTAKES = {
    "400": "An option or the multipart form is wrong.",
    "401": "The token is missing or wrong.",
    "404": "There is no such model.",
    "408": "The body came too slowly.",
    "413": "The picture has too many bytes or pixels.",
    "415": "The media type is not that of a picture.",
    "422": "The picture cannot be read.",
    "429": "The queue is full.",
    "431": "The headers are too long.",
    "500": "A fault of gan_style.",
    "503": "The server is stopping, or has no memory.",
    "504": "The answer was not ready in time.",
}
_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_PICTURE_SENT = {"schema": {"type": "string", "format": "binary", "minLength": 1}}


def description(models: Sequence[str], token: bool) -> dict[str, Any]:
    """OpenAPI 3.1 of a server of these models. token: must clients send one?"""
    schemas = {"Error": _object({"error": {"type": "string"}}), "Model": _MODEL, "Models": _MODELS, "Metadata": _METADATA}
    named = {"name": "model", "in": "query", "required": len(models) > 1, "schema": {"type": "string", "enum": [*models]}}
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "gan_style",
            "version": VERSION,
            "description": "Translates pictures. Answers are the bytes that infer.py writes.",
        },
        "paths": {
            "/translate": {"post": _translate(models)},
            "/models": {"get": _get("The models and the limits of requests.", "Models")},
            "/metadata": {"get": {**_get("A model's metadata.", "Metadata", "400", "404"), "parameters": [named]}},
            "/health": {"get": _open(_get("Does the process live?", _STATUS))},
            "/ready": {"get": _open(_get("Does it take requests?", _STATUS, also={"503": _json("No.", _STATUS)}))},
            "/metrics": {"get": _of("Counts for Prometheus.", {"200": {"description": "Text.", "content": {"text/plain": _TEXT}}})},
            "/openapi.json": {"get": _get("This description.", {"type": "object"})},
            "/": {"get": _open(_of("A page.", {"200": {"description": "The page.", "content": {"text/html": _TEXT}}}))},
        },
        "components": {"schemas": schemas},
    }
    if token:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
        for path in described["paths"].values():
            for operation in path.values():
                if "security" not in operation:
                    operation["responses"]["401"] = _error("401")
    return described


def _translate(models: Sequence[str]) -> dict[str, Any]:
    answer = {"description": "The translation.", "content": dict.fromkeys(sorted(MEDIA_TYPES.values()), _PICTURE)}
    form = {
        "type": "object",
        "properties": {
            "image": {"type": "string", "format": "binary"},
            "style": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": MOST_STYLES},
            "mask": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": MOST_STYLES},
        },
        "required": ["image"],
        "additionalProperties": False,
    }
    content = {"image/*": _PICTURE_SENT, "application/octet-stream": _PICTURE_SENT, "multipart/form-data": {"schema": form}}
    return {
        **_of("Translate a picture.", {"200": answer, **{status: _error(status) for status in _MISTAKES if status != "401"}}),
        "parameters": _parameters(models),
        "requestBody": {"required": True, "content": content},
    }


def _parameters(models: Sequence[str]) -> list[dict[str, Any]]:
    """The query of POST /translate, from the options themselves."""
    properties = TranslateOptions.model_json_schema()["properties"]
    parameters = []
    for name, schema in properties.items():
        schema: dict[str, Any] = {key: value for key, value in schema.items() if key not in ("title", "default", "description")}
        if "anyOf" in schema:  # a query cannot say null: whoever means it leaves the option out
            options = [option for option in schema["anyOf"] if option.get("type") != "null"]
            schema = options[0] if len(options) == 1 else {"anyOf": options}
        if name == "model":
            schema = {"type": "string", "enum": [*models]}
        if name in LISTS:
            schema["maxItems"] = MOST_STYLES
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name == "model" and len(models) > 1,
                "description": properties[name].get("description", ""),
                "schema": schema,
            }
        )
    return parameters


def _of(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": responses}


def _get(summary: str, schema: "str | dict[str, Any]", *mistakes: str, also: dict[str, Any] | None = None) -> dict[str, Any]:
    named = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    return _of(summary, {"200": _json("Done.", named), **{status: _error(status) for status in mistakes}, **(also or {})})


def _open(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation that needs no token."""
    return {**operation, "security": []}


def _json(meaning: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def _error(status: str) -> dict[str, Any]:
    return _json(_MISTAKES[status], {"$ref": "#/components/schemas/Error"})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


_TEXT = {"schema": {"type": "string"}}
_WHOLE = {"type": "integer", "minimum": 0}
_STATUS = _object({"status": {"type": "string", "enum": ["ok", "ready", "stopping"]}})
_IN_SHORT = {
    "name": {"type": "string"},
    "method": {"type": "string"},
    "direction": {"type": "string"},
    "step": _WHOLE,
    "in_channels": _WHOLE,
    "out_channels": _WHOLE,
    "takes": {"type": "string", "enum": ["alone", "label", "mix", "picture"]},
    "names": {"type": "array", "items": {"type": "string"}, "description": "Of the domains for `to`, or of the styles for `style`."},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Of the bundle that was loaded."},
}
_MODEL = _object(_IN_SHORT)
_LIMITS = _object({"pixels": _WHOLE, "body_bytes": _WHOLE, "deadline_seconds": {"type": "number"}})
_MODELS = _object(
    {"gan_style": {"type": "string"}, "models": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}, "limits": _LIMITS}
)
_METADATA = _object({**_IN_SHORT, "device": {"type": "string"}, "precision": {"type": "string"}, "bundle": {"type": "object"}})
