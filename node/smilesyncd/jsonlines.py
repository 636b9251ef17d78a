"""JSON, one value per line, as the control socket speaks it."""

import json
from collections.abc import Mapping

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Fields = dict[str, Json]


def encode_line(fields: Mapping[str, Json]) -> bytes:
    """Return `fields` as one line."""
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
