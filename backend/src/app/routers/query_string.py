"""What may stand behind the question mark: each known name, once unless it may repeat, in valid UTF-8."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_origin
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.rendering import UNKNOWN_PARAMETER

_MOST_PARAMETERS: Final = 200
_BROKEN_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")

_Problem = dict[str, Any]


class QueryString:
    """The query parameters one endpoint knows, and the check of a request against them."""

    def __init__(self, dependant: Dependant) -> None:
        self._models: list[type[BaseModel]] = []
        self._repeatable: dict[str, bool] = {}
        for parameter in dependant.query_params:
            annotation = parameter.field_info.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                self._models.append(annotation)
                fields = annotation.model_fields.items()
                self._repeatable |= {name: get_origin(field.annotation) is list for name, field in fields}
            else:
                self._repeatable[parameter.alias] = False

    def check(self, query: bytes) -> None:
        """Raise RequestValidationError, with every problem of the query, if a name or an encoding is wrong.

        Values are checked here only to be reported together with wrong names; otherwise FastAPI checks them.
        """
        text = query.decode("latin-1")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
        except UnicodeDecodeError:
            raise RequestValidationError([_problem("query", "must be UTF-8")]) from None
        except ValueError:
            many = _problem("query", f"must have at most {_MOST_PARAMETERS} parameters")
            raise RequestValidationError([many]) from None
        if _BROKEN_ESCAPE.search(text):
            raise RequestValidationError([_problem("query", "has a percent sign without two hexadecimal digits")])
        values: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            values[name].append(value)
        if problems := list(self._problems_of_names(values)):
            raise RequestValidationError([*problems, *self._problems_of_values(values)])

    def _problems_of_names(self, values: Mapping[str, list[str]]) -> Iterator[_Problem]:
        for name, given in values.items():
            if name not in self._repeatable:
                near = difflib.get_close_matches(name, self._repeatable, n=1, cutoff=0.5)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield _problem(name, f"is not known{hint}", kind=UNKNOWN_PARAMETER)
            elif len(given) > 1 and not self._repeatable[name]:
                yield _problem(name, "must be given once")

    def _problems_of_values(self, values: Mapping[str, list[str]]) -> Iterator[_Problem]:
        known = {
            name: given if self._repeatable[name] else given[-1]
            for name, given in values.items()
            if name in self._repeatable
        }
        for model in self._models:
            try:
                model.model_validate(known)
            except ValidationError as error:
                for problem in error.errors(include_input=False, include_url=False):
                    yield {**problem, "loc": ("query", *problem["loc"])}


def _problem(name: str, message: str, *, kind: str = "value_error") -> _Problem:
    return {"type": kind, "loc": ("query", name), "msg": message}
