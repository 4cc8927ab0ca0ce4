"""The entry page, and the API documentation with its assets, which need no internet access."""

from functools import cache
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse

from app.api.responses import public_path
from app.errors import NotFoundError

router = APIRouter(include_in_schema=False)

_ASSETS_DIR: Final = Path(fastapi_offline.__file__).parent / "static"
_MEDIA_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
_REDOC_LOGO: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_EMPTY_IMAGE: Final = b"data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
_SWAGGER_UI_OPTIONS: Final = {"tryItOutEnabled": True, "displayRequestDuration": True}


@router.get("/")
async def get_entry_page(request: Request) -> RedirectResponse:
    """Redirect to the documentation."""
    return RedirectResponse(public_path(request, "/docs"))


@router.get("/docs")
async def get_swagger_ui(request: Request) -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url=public_path(request, "/openapi.json"),
        title=f"{request.app.title}: Swagger UI",
        swagger_js_url=public_path(request, "/docs/assets/swagger-ui-bundle.js"),
        swagger_css_url=public_path(request, "/docs/assets/swagger-ui.css"),
        swagger_favicon_url=public_path(request, "/docs/assets/favicon.png"),
        swagger_ui_parameters=_SWAGGER_UI_OPTIONS,
    )


@router.get("/redoc")
async def get_redoc(request: Request) -> HTMLResponse:
    return get_redoc_html(
        openapi_url=public_path(request, "/openapi.json"),
        title=f"{request.app.title}: ReDoc",
        redoc_js_url=public_path(request, "/docs/assets/redoc.standalone.js"),
        redoc_favicon_url=public_path(request, "/docs/assets/favicon.png"),
        with_google_fonts=False,
    )


@router.get("/docs/assets/{name}")
async def get_asset(name: str) -> Response:
    if name not in _MEDIA_TYPES:
        raise NotFoundError
    return Response(_read_asset(name), media_type=_MEDIA_TYPES[name])


@cache
def _read_asset(name: str) -> bytes:
    """The file's content, without the logo that ReDoc would load from its vendor's site."""
    return (_ASSETS_DIR / name).read_bytes().replace(_REDOC_LOGO, _EMPTY_IMAGE)
