"""Query strings: known names only, each once unless it is repeatable, in valid UTF-8."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, TypeVar, get_origin
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.api.errors import UNKNOWN_PARAMETER

M = TypeVar("M", bound=BaseModel)

_MAX_PARAMETERS: Final = 200
_MAX_HINTS: Final = 10
_MAX_HINTED_LENGTH: Final = 50
_INVALID_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")

_Problem = dict[str, Any]


class QueryModel(Generic[M]):
    """A dependency that reads all query parameters into a model.

    FastAPI's own `Annotated[Model, Query()]` derives for each request how to collect every field: 309 µs of CPU for
    six parameters, against 159 µs here.
    """

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self._is_repeatable = {name: get_origin(field.annotation) is list for name, field in model.model_fields.items()}

    async def __call__(self, request: Request) -> M:
        """Raises RequestValidationError with all invalid names and values."""
        query = request.scope["query_string"]
        values = parse_query(query) if query else {}
        problems = list(find_name_problems(values, self._is_repeatable))
        try:
            model = self.model.model_validate(self._select(values))
        except ValidationError as error:
            problems += map(dict, error.errors(include_input=False, include_url=False))
        _raise_problems(problems)
        return model

    def _select(self, values: Mapping[str, list[str]]) -> dict[str, object]:
        return {
            name: texts if self._is_repeatable[name] else texts[-1]
            for name, texts in values.items()
            if name in self._is_repeatable
        }


def require_known_names(query: bytes, dependant: Dependant) -> None:
    """Raises RequestValidationError for parameters that the endpoint does not declare, and for repeated ones."""
    known = dict.fromkeys((parameter.alias for parameter in dependant.query_params), False)
    _raise_problems(list(find_name_problems(parse_query(query), known)))


def parse_query(query: bytes) -> dict[str, list[str]]:
    """The parameters with all their values. Raises RequestValidationError for an ambiguous query string."""
    text = query.decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise RequestValidationError([_problem("query", "query", message="must be UTF-8")]) from None
    except ValueError:
        message = f"must have at most {_MAX_PARAMETERS} parameters"
        raise RequestValidationError([_problem("query", "query", message=message)]) from None
    if _INVALID_ESCAPE.search(text):
        message = "has a percent sign without two hexadecimal digits"
        raise RequestValidationError([_problem("query", "query", message=message)])
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return values


def find_name_problems(values: Mapping[str, list[str]], is_repeatable: Mapping[str, bool]) -> Iterator[_Problem]:
    """A problem for each unknown name, with the nearest known one, and for each name that must not be repeated."""
    for number, (name, texts) in enumerate(values.items()):
        if name not in is_repeatable:
            is_comparable = number < _MAX_HINTS and len(name) <= _MAX_HINTED_LENGTH
            similar = difflib.get_close_matches(name, is_repeatable, n=1, cutoff=0.5) if is_comparable else []
            hint = f"; did you mean {similar[0]}?" if similar else ""
            yield _problem(name, message=f"unknown parameter{hint}", kind=UNKNOWN_PARAMETER)
        elif len(texts) > 1 and not is_repeatable[name]:
            yield _problem(name, message="must appear only once")


def _problem(*location: str, message: str, kind: str = "value_error") -> _Problem:
    return {"type": kind, "loc": location, "msg": message}


def _raise_problems(problems: list[_Problem]) -> None:
    if problems:
        raise RequestValidationError([{**problem, "loc": ("query", *problem["loc"])} for problem in problems])
