"""What the page loads: files beside this one, held in memory and served from this receiver alone."""

from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Final

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

PATH: Final = "/dashboard"
FEED: Final = f"{PATH}/feed"
"""Whose answer goes on for as long as its client wants."""
FOLDER: Final = Path(__file__).parent / "assets"

_YEAR_S: Final = 365 * 24 * 3600
_KINDS: Final = {".js": "text/javascript", ".css": "text/css"}

# Scripts and styles are files of their own, so that nothing that is shown can become one.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Without a referrer at all, a browser would not say from which page the form is sent.
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

ASSETS: Final = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in _KINDS}
VERSION: Final = sha256(b"\0".join(ASSETS.values())).hexdigest()[:12]
"""Part of every asset's address: other contents have other addresses, so that no cache lies."""

ADDRESSES: Final = frozenset(f"{PATH}/assets/{VERSION}/{name}" for name in ASSETS)
"""Where the assets are. The form needs them, so that they are for everybody."""


@get(f"{PATH}/assets/{{version:str}}/{{name:str}}", include_in_schema=False, response_headers=HEADERS)
async def asset(version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    if version != VERSION or name not in ASSETS:
        raise NotFoundException
    kept = {"Cache-Control": f"public, max-age={_YEAR_S}, immutable"}
    return Response(ASSETS[name], media_type=_KINDS[Path(name).suffix], headers=kept)


def page(name: str, **values: str) -> bytes:
    """Return a page from the file of this name, with the values, which are safe in HTML, in their places."""
    text = (FOLDER / f"{name}.html").read_text()
    return Template(text).substitute(assets=f"{PATH}/assets/{VERSION}", **values).encode()
