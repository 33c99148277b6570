"""Why records were rejected, in classes that are few enough to be counted by a monitor."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from telemetry.domain.contract.record import Rejection

_FIELDS: Final = "timestamp|vehicle_id|can_id|payload"
_FIELD: Final = re.compile(rf"({_FIELDS})\b|[^`]*`({_FIELDS})`")
_JSON: Final = re.compile(
    r"JSON|truncated|UTF-8|surrogate|escape|recursion|nested|control character|`(object|array|str)`"
)


def count(rejected: Sequence[Rejection]) -> Mapping[str, int]:
    """Count rejections by class: the field at fault, or `json`, or `other`."""
    return Counter(_class(each.error) for each in rejected)


@lru_cache(maxsize=4096)
def _class(error: str) -> str:
    if field := _FIELD.match(error):
        return field[1] or field[2]
    return "json" if _JSON.search(error) else "other"
