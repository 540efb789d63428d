"""Write ``src/soniq/dashboard/openapi.json`` from the operations of the API and their dataclasses.

``python -m tools.openapi`` after a change of either.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from soniq.dashboard.api.endpoint import Endpoint
from soniq.dashboard.api.routes import DESCRIPTION, ENDPOINTS

Schema = dict[str, Any]
Schemas = dict[str, Schema]
PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
    object: {},
}
SEQUENCES = (list, tuple, Sequence)
MAPPINGS = (dict, Mapping)


def document(endpoints: Sequence[Endpoint] = ENDPOINTS) -> Schema:
    """Return the description of the API."""
    schemas: Schemas = {"Problem": PROBLEM}
    paths: dict[str, Schema] = {}
    for endpoint in endpoints:
        described = operation(endpoint, schemas)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Soniq",
            "version": "1",
            "description": "Jobs, dead letters, queues, workers and schedules of one application.",
        },
        # As seen from this file, wherever the dashboard is mounted.
        "servers": [{"url": ".."}],
        "security": [{"key": []}, {"bearer": []}, {}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {
                "Problem": {
                    "description": "What was wrong, and what to do about it.",
                    "content": {
                        "application/problem+json": {
                            "schema": {"$ref": "#/components/schemas/Problem"}
                        }
                    },
                }
            },
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


PROBLEM: Schema = {
    "type": "object",
    "description": "A problem (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
}
CSRF: Schema = {
    "name": "X-Soniq-CSRF",
    "in": "header",
    "description": "Needed without a key in a header: that of any earlier answer.",
    "schema": {"type": "string"},
}


def operation(endpoint: Endpoint, schemas: Schemas) -> Schema:
    """Return what there is to say of one operation; the schemas that it needs are added."""
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", endpoint.path)
    ]
    parameters += [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": parameter.schema(),
            **({"required": True} if parameter.required else {}),
        }
        for parameter in endpoint.parameters
    ]
    if endpoint.method != "GET":
        parameters.append(CSRF)
    problem = {"$ref": "#/components/responses/Problem"}
    content = {"application/json": {"schema": shape(endpoint, schemas)}}
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": endpoint.summary, "content": content},
            "4XX": problem,
            "5XX": problem,
        },
    }


def shape(endpoint: Endpoint, schemas: Schemas) -> Schema:
    """Return the schema of an answer."""
    item = schema_of(endpoint.returns, schemas)
    if endpoint.shape == "one":
        return item
    properties: Schemas = {"items": {"type": "array", "items": item}}
    if endpoint.shape == "page":
        properties["looked_at"] = {"type": "integer"}
        properties["next"] = {"type": ["string", "null"]}
    return {"type": "object", "required": list(properties), "properties": properties}


def schema_of(kind: Any, schemas: Schemas) -> Schema:
    """Return the schema of a type; dataclasses go into ``schemas`` and are referred to."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if isinstance(kind, type) and is_dataclass(cast("object", kind)):
        return record(kind, schemas)
    return composed(kind, schemas)


def composed(kind: Any, schemas: Schemas) -> Schema:
    """Return the schema of a type that is made from others."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [schema_of(one, schemas) for one in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in SEQUENCES:
        return {"type": "array", "items": schema_of(arguments[0], schemas)}
    if origin in MAPPINGS or kind is dict:
        values = schema_of(arguments[1], schemas) if arguments else {}
        return {"type": "object", "additionalProperties": values}
    message = f"No schema for {kind!r}"
    raise TypeError(message)


def record(kind: type, schemas: Schemas) -> Schema:
    """Return a reference to the schema of a dataclass, made if there is none yet."""
    if kind.__name__ not in schemas:
        schemas[kind.__name__] = {}  # so that a class may hold its own kind
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        schemas[kind.__name__] = {
            "type": "object",
            "description": (kind.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
            "required": names,
            "properties": {name: schema_of(hints[name], schemas) for name in names},
        }
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def text() -> str:
    """Return the file's content."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DESCRIPTION.write_text(text(), encoding="utf-8")
