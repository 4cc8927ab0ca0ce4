"""The path prefix under which a proxy serves the application."""

from starlette.types import ASGIApp, Receive, Scope, Send


class PathPrefixMiddleware:
    """Remove the prefix of a proxy that forwards it; paths without it come from a proxy that strips it.

    The prefix must not be the start of a route: a path could have two meanings then.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app = app
        self._prefix = prefix
        self._raw_prefix = prefix.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._prefix}/"):
            path = scope["path"].removeprefix(self._prefix) or "/"
            raw_path = scope["raw_path"].removeprefix(self._raw_prefix) or b"/"
            scope = {**scope, "path": path, "raw_path": raw_path}
        await self.app(scope, receive, send)
