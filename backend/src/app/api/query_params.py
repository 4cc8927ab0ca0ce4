"""What may stand behind the question mark: each known name, once unless it may repeat, in valid UTF-8."""

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

_MOST_PARAMETERS: Final = 200
_BROKEN_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")

_Problem = dict[str, Any]


class QueryModel(Generic[M]):
    """A dependency that reads a model from the query string, whose every parameter is a field of it.

    FastAPI's own `Query()` on a model works out anew for each request how each of its fields is to be collected.
    """

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self._names = {name: get_origin(field.annotation) is list for name, field in model.model_fields.items()}

    async def __call__(self, request: Request) -> M:
        """Raises RequestValidationError with every problem of names and values."""
        query = request.scope["query_string"]
        values = parse(query) if query else {}
        problems = list(problems_of_names(values, self._names))
        try:
            model = self.model.model_validate(self._given(values))
        except ValidationError as error:
            problems += map(dict, error.errors(include_input=False, include_url=False))
        if problems:
            raise RequestValidationError([{**problem, "loc": ("query", *problem["loc"])} for problem in problems])
        return model

    def _given(self, values: Mapping[str, list[str]]) -> dict[str, object]:
        return {
            name: given if self._names[name] else given[-1] for name, given in values.items() if name in self._names
        }


def refuse_unknown(query: bytes, dependant: Dependant) -> None:
    """Raise RequestValidationError unless the endpoint knows all of the query's names, and each is given once."""
    known = dict.fromkeys((parameter.alias for parameter in dependant.query_params), False)
    if problems := list(problems_of_names(parse(query), known)):
        raise RequestValidationError([{**problem, "loc": ("query", *problem["loc"])} for problem in problems])


def parse(query: bytes) -> dict[str, list[str]]:
    """The parameters with all their values. Raises RequestValidationError for what has no single meaning."""
    text = query.decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise RequestValidationError([_problem("query", "query", message="must be UTF-8")]) from None
    except ValueError:
        many = f"must have at most {_MOST_PARAMETERS} parameters"
        raise RequestValidationError([_problem("query", "query", message=many)]) from None
    if _BROKEN_ESCAPE.search(text):
        broken = "has a percent sign without two hexadecimal digits"
        raise RequestValidationError([_problem("query", "query", message=broken)])
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return values


def problems_of_names(values: Mapping[str, list[str]], known: Mapping[str, bool]) -> Iterator[_Problem]:
    """What is not known, and what is given more than once though `known` does not say that it may be."""
    for name, given in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield _problem(name, message=f"unknown parameter{hint}", kind=UNKNOWN_PARAMETER)
        elif len(given) > 1 and not known[name]:
            yield _problem(name, message="must be given once")


def _problem(*location: str, message: str, kind: str = "value_error") -> _Problem:
    return {"type": kind, "loc": location, "msg": message}
