"""Check that all targets do the same work: the same requests must get the same responses."""

import json
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from itertools import islice
from typing import Any, Final

from benchmarks.cases import WRITES, ApiRequest, RequestData, generate_requests
from benchmarks.worker_process import BenchmarkError

_HOST: Final = "127.0.0.1"
_REQUESTS: Final = 3
_PAGE_FIELDS: Final = ("items", "total", "skip", "limit")
_VOLATILE_FIELDS: Final = {"post": ("id", "created_at", "updated_at"), "patch": ("version", "updated_at")}
"""Fields that differ between responses to the same write."""


def check_equivalence(
    case: str, data: RequestData, ports: Mapping[str, int], *, remove_created: Callable[[], None]
) -> None:
    """Send the case's first requests to all targets. Raises BenchmarkError if a response differs from the service's."""
    for request in islice(generate_requests(case, data, seed=0), _REQUESTS):
        responses = {}
        for index, (name, port) in enumerate(ports.items()):
            sent = _with_later_version(request, index) if case == "patch" else request
            responses[name] = _comparable_part(case, send(port, sent))
            if case in WRITES:
                remove_created()
        for name, response in responses.items():
            if response != responses["service"]:
                raise BenchmarkError(
                    f"Responses to {request} differ: `{name}` sends {response}, `service` sends {responses['service']}."
                )


def send(port: int, request: ApiRequest) -> Any:  # noqa: ANN401  any JSON
    """The response's JSON. Raises BenchmarkError for an error status."""
    client = HTTPConnection(_HOST, port)
    try:
        client.request(request.method, request.path, request.body or None, {"Content-Type": "application/json"})
        response = client.getresponse()
        body = response.read()
        if response.status not in {200, 201}:
            raise BenchmarkError(f"The response to {request} is {response.status}: {body.decode(errors='replace')}")
        return json.loads(body)
    finally:
        client.close()


def _with_later_version(request: ApiRequest, updates: int) -> ApiRequest:
    """The same change of the version that exists after `updates` earlier targets have applied it."""
    body = json.loads(request.body)
    return ApiRequest(request.method, request.path, json.dumps({**body, "version": body["version"] + updates}).encode())


def _comparable_part(case: str, response: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(response, list):
        return response
    if "items" in response:
        return {name: response[name] for name in _PAGE_FIELDS}
    return {name: value for name, value in response.items() if name not in _VOLATILE_FIELDS.get(case, ())}
