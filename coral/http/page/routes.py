"""The page as it is served: one document, and files that a browser may keep for ever.

The files are below their common digest: those of another version have another address, and the
modules find each other by relative ones. All are read when the process starts.
"""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Page"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: run our files, and ask our server; nothing inline, nobody else."""
KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER: Final = "public, max-age=31536000, immutable"


class _File(NamedTuple):
    content: bytes
    kind: str
    etag: str


class Page:
    """The files of the page and their addresses.

    Attributes
    ----------
    routes : list of Route
    public : list of str
        Their paths: they hold nothing of any system.
    """

    def __init__(self) -> None:
        home = files("coral.http.page") / "static"
        self._files = _read(home)
        digests = "".join(f"{name}{file.etag}" for name, file in sorted(self._files.items()))
        at = f"/static/{hashlib.sha256(digests.encode()).hexdigest()[:16]}"
        shell = (home / "index.html").read_text("utf-8").replace("{static}", at[1:])
        self._shell = _file(shell.encode(), "text/html; charset=utf-8")
        names = [f"{at}/{name}" for name in self._files]
        self.routes = [Route("/", self._document), Route(f"{at}/{{name:path}}", self._kept)]
        # What the prefix alone is answered with leads to the document.
        self.public = ["", "/", *names]

    async def _document(self, request: Request) -> Response:
        headers = {"cache-control": "no-cache", "content-security-policy": POLICY}
        return _answer(request, self._shell, headers)

    async def _kept(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404, "there is no such file")
        return _answer(request, found, {"cache-control": FOREVER})


def _answer(request: Request, file: _File, headers: dict[str, str]) -> Response:
    """Answer with a file, or that it has not changed."""
    headers = headers | {"etag": file.etag, "content-type": file.kind}
    if file.etag in request.headers.get("if-none-match", "").split(", "):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers)


def _read(folder: Traversable, below: str = "") -> dict[str, _File]:
    """Return what a browser may ask for, by its path."""
    found = dict[str, _File]()
    for each in folder.iterdir():
        if each.is_dir():
            found |= _read(each, f"{below}{each.name}/")
            continue
        _, dot, ending = each.name.rpartition(".")
        kind = KINDS.get(f"{dot}{ending}")
        if kind is not None:
            found[f"{below}{each.name}"] = _file(each.read_bytes(), kind)
    return found


def _file(content: bytes, kind: str) -> _File:
    return _File(content, kind, f'"{hashlib.sha256(content).hexdigest()[:24]}"')
