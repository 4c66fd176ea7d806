"""The document says what is answered: whole, and true of a running server."""

import os
import re
import subprocess
import sys
from pathlib import Path

from served import World, served

from coral.http.openapi import document

# Beside what is answered by default: alerts without a system are refused, and a process that is
# starting or busy says so. A body is refused before anybody looks where it was sent.
EXPECTED = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 404, 409, 422, 503]
[checks.unsupported_method]
enabled = false
"""


def test_the_document_is_served_as_it_is(shop: World) -> None:
    """At its own address."""
    with served(shop.board) as ask:
        assert document() == ask("/openapi.json").json


def test_every_address_is_there(shop: World) -> None:
    """Below the prefix that the document names."""
    with served(shop.board, path_prefix="/x") as ask:
        incident = ask("/x/api/v1/incidents").json["incidents"][0]["incident"]
        named = {"{system}": "shop", "{incident}": incident, "{recording}": "0", "{run}": "0"}
        named["{revision}"] = "1"
        found = {}
        for path, methods in document()["paths"].items():
            address = path
            for place, name in named.items():
                address = address.replace(place, name)
            method = "get" if "get" in methods else "post"
            body = '{"alerts": []}' if method == "post" else ""
            found[path] = ask(f"/x{address}", method.upper(), body).status
    nameless = {"/api/v1/ask": 404, "/api/v1/model": 404}  # of no system
    assert dict.fromkeys(found, 200) | nameless | {"/api/v1/alerts": 202} == found


def test_answers_are_as_described(shop: World, tmp_path: Path) -> None:
    """To hundreds of made-up requests, those that do not fit included (schemathesis)."""
    (tmp_path / "schemathesis.toml").write_text(EXPECTED)
    words = ("-m", "schemathesis.cli", "run", "--max-examples", "10", "--generation-deterministic")
    with served(shop.board, give=lambda _: "nowhere") as ask:
        done = subprocess.run(
            [sys.executable, *words, f"http://127.0.0.1:{ask.port}/openapi.json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"NO_COLOR": "1", "COLUMNS": "120"},
        )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert re.search(r"Tested: (?:19|20)\b", done.stdout)
