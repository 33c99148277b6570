"""The page at `/docs`: Swagger UI, which is shipped here, so that the page needs no other host.

People type their key into this page. So it runs no script but those beside it, asks no host but the receiver,
and its Content-Security-Policy holds the browser to both.
"""

from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, Final

from litestar import Request, Response, Router
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.static_files import create_static_files_router

PATH: Final = "/docs"
ASSETS: Final = Path(__file__).parent / "assets"

_PAGE: Final = Path(__file__).parent / "page.html"
_USED: Final = {"ui": "swagger-ui-bundle.js", "start": "start.js", "style": "swagger-ui.css"}
_YEAR_S: Final = 365 * 24 * 3600

# The images of Swagger UI's style sheet are data in it.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PagePlugin(OpenAPIRenderPlugin):
    """Renders the page, and serves what it loads."""

    def __init__(self) -> None:
        super().__init__(path="/")
        assets = {name: _address(file) for name, file in _USED.items()}
        self._page = Template(_PAGE.read_text()).substitute(assets, document=f"{PATH}/openapi.json").encode()

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002  # what Litestar gives
        return self._page

    def receive_router(self, router: Router) -> None:
        cache = CacheControlHeader(public=True, max_age=_YEAR_S, immutable=True)
        router.register(create_static_files_router("/assets", [ASSETS], name="docs", cache_control=cache))


def router() -> Router:
    """Make the router of all below `/docs`."""
    return Router(
        PATH, route_handlers=[], include_in_schema=False, response_headers=HEADERS, after_request=_refuse
    )


def _address(file: str) -> str:
    """Return where an asset is served; another content has another address, so that caches never lie."""
    return f"{PATH}/assets/{file}?v={sha256((ASSETS / file).read_bytes()).hexdigest()[:12]}"


def _refuse(response: Response[Any]) -> Response[Any]:
    """Raise NotFoundException in the place of the page that Litestar answers where nothing is."""
    if response.status_code == NotFoundException.status_code:
        raise NotFoundException
    return response
