"""Messages for other services: in the shape that these publish, whatever names are in them."""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from hostile import HOSTILE
from makers import ONSET, run, shop_rows, unfelt_rows

from coral.contract.notice import FIELDS, Notice, notice_of
from coral.contract.template import BUILT_IN, Template
from coral.errors import TemplateError

HERE = Path(__file__).parent
KEY = "k" * 32
EVIL = (*HOSTILE, "<!channel>", "<http://evil.net|db>", "&lt;", '"}], "text": "evil', "{key}")
LONG = ("&" * 9000, "<" * 9000, "\U0001f4a5" * 9000, "x" * 9000)


@functools.cache
def notices() -> list[Notice]:
    """Of an incident, and of a change that becomes one."""
    rows = np.vstack([shop_rows(), shop_rows(seed=1, rows=ONSET, fault=None)])
    events = [*run(rows), *run(unfelt_rows(felt_at=205))]
    return [notice_of(event, "https://coral.example") for event in events]


@functools.cache
def validator(name: str) -> Any:
    """What a service takes."""
    kind = jsonschema.Draft202012Validator
    schema = json.loads((HERE / f"{name}.schema.json").read_text())
    kind.check_schema(schema)
    return kind(schema)


def valid(name: str, notice: Notice) -> Any:
    """The body of a template, which must be what the service takes."""
    body = json.loads(Template.of(name).filled(notice, KEY))
    validator(name).validate(body)
    return body


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_event_has_the_shape_that_is_published(name: str) -> None:
    """With a link and without one."""
    for notice in notices():
        valid(name, notice)
        valid(name, msgspec.structs.replace(notice, link=""))
        bare = {"entity": "", "description": "", "felt": "", "link": ""}
        valid(name, msgspec.structs.replace(notice, **bare))


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("field", ["system", "entity", "title", "summary", "description"])
def test_no_name_changes_the_shape(name: str, field: str) -> None:
    """Nor does it ping everybody, or link anywhere."""
    for text in EVIL:
        longest = 140 if field == "title" else 1000
        body = valid(name, msgspec.structs.replace(notices()[0], **{field: text[:longest]}))
        if name == "slack":
            marked = [body["text"], body["blocks"][1]["text"]["text"]]
            assert not [one for one in marked if "<" in one]
        assert KEY not in json.dumps(body).replace(f'"routing_key": "{KEY}"', "")


@pytest.mark.parametrize("text", LONG)
def test_what_grows_by_escaping_still_fits(text: str) -> None:
    """And is not cut through an escape."""
    notice = msgspec.structs.replace(
        notices()[0], title=text[:140], summary=text[:1000], description=text[:2400]
    )
    body = valid("slack", notice)
    marked = body["blocks"][1]["text"]["text"]

    assert not marked.replace("&amp;", "").replace("&lt;", "").strip("x\U0001f4a5")
    valid("pagerduty", notice)


def test_the_message_for_slack() -> None:
    """The answer, the evidence, and the link."""
    notice = notices()[0]
    body = valid("slack", notice)
    header, summary, evidence, context = body["blocks"]

    assert [notice.title, notice.summary.replace(">", "&gt;"), notice.description] == [
        block["text"]["text"] for block in (header, summary, evidence)
    ]
    assert f"<{notice.link}|the whole event>" == context["elements"][-1]["text"]
    without = valid("slack", msgspec.structs.replace(notice, link=""))
    assert context["elements"][:-1] == without["blocks"][3]["elements"]


def test_one_incident_of_pagerduty_is_one_of_ours() -> None:
    """Its first event triggers it, the last one resolves it, under one key."""
    bodies = [valid("pagerduty", notice) for notice in notices() if notice.kind == "incident"]
    first, resolved = bodies[0], next(b for b in bodies if b["event_action"] == "resolve")

    assert "trigger" == first["event_action"]
    assert first["dedup_key"] == resolved["dedup_key"]
    assert {"critical"} == {body["payload"]["severity"] for body in bodies}
    assert "client_url" not in valid("pagerduty", msgspec.structs.replace(notices()[0], link=""))


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    """Any JSON; what is empty is left out with what holds it."""
    file = tmp_path / "teams.json"
    file.write_text(
        '{"a": "{system}/{kind}", "n": 1, "link": "{link}", "in": {"link": "{link}", "b": null},'
        ' "list": [{"x": {"href": "{link}"}}, {"x": "{title}"}, "{link}", "{{system}}"]}'
    )
    notice = msgspec.structs.replace(notices()[0], link="")
    expected = {
        "a": "shop/incident",
        "n": 1,
        "in": {"b": None},
        "list": [{"x": notice.title}, "{shop}"],
    }

    assert expected == json.loads(Template.of(str(file)).filled(notice))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "JSON expected"),
        ("[" * 3000, "JSON expected"),
        ("[" * 50 + '"x"' + "]" * 50, "more than 32 levels"),
        ('"{sumary}"', "{name} of a known text expected, got {sumary}; did you mean `summary`?"),
        ('{"a": [{"b": "{title:html}"}]}', "{title:mrkdwn} expected, got {title:html}"),
        ('"' + "x" * 70_000 + '"', "at most 65536 characters expected, got 70002"),
    ],
)
def test_a_template_that_cannot_be_used_says_why(tmp_path: Path, text: str, expected: str) -> None:
    """With the place, before anything is sent."""
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(TemplateError) as caught:
        Template.of(str(file))

    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize("name", ["slak", "/", ""])
def test_a_template_that_is_not_there(name: str) -> None:
    with pytest.raises(TemplateError, match="one of pagerduty, slack or a file"):
        Template.of(name)


def test_every_field_can_be_named() -> None:
    """And is replaced by its text alone."""
    notice = notices()[0]
    template = Template(json.dumps({name: f"{{{name}}}" for name in FIELDS}))
    filled = json.loads(template.filled(msgspec.structs.replace(notice, system="{title}")))

    assert set(FIELDS) == template.names
    assert "{title}" == filled["system"]
    assert notice.summary == filled["summary"]
