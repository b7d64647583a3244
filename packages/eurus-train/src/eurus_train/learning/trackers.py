"""Trackers that a training reports to, by the names transformers has for them; unusable ones are refused while a recipe is planned."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from eurus_core.errors import nearest


def _usable(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a tracker that transformers does not know, and one that cannot begin here, as where its package is missing."""
    if not names:
        return names
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK  # a second, for those who track

    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            meant = nearest(name, INTEGRATION_TO_CALLBACK)
            hint = f"Did you mean {meant!r}?" if meant else f"There are: {', '.join(INTEGRATION_TO_CALLBACK)}."
            raise _refused(f"no tracker named {name!r}. {hint}")
        try:
            INTEGRATION_TO_CALLBACK[name]()
        except Exception as error:  # each has its own way of saying that something is missing
            raise _refused(f"tracker {name!r} cannot be used here: {' '.join(str(error).split())}") from error
    return names


def _refused(error: str) -> PydanticCustomError:
    return PydanticCustomError("part", "{error}", {"error": error})


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Trackers = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_usable)]
