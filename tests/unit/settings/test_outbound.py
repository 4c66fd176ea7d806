"""Who is told over HTTP: what a configuration may say, and that no message shows a secret."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from coral.daemon.notify.message_queue import signature
from coral.settings import SettingsError, as_toml, load
from coral.settings.outbound_rules import reach_of

URL = "https://hooks.example/services/T0123456789/abcdefghij"
KEY = "k" * 32
AM = '[output.alertmanager]\nurls = ["https://am.example"]\n'
HOOK = f'[output.webhooks.hook]\nurl = "{URL}"\n'


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a configuration."""
    file = tmp_path / "coral.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file)
    return [str(problem) for problem in caught.value.problems]


def test_what_can_be_said(tmp_path: Path) -> None:
    """Several of each, secrets from files, a template of one's own."""
    (tmp_path / "url").write_text(URL + "\n")
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "mine.json").write_text('{"text": "{title}", "token": "{key}"}')
    file = tmp_path / "coral.toml"
    file.write_text(
        f"""
        [output]
        link = "https://coral.example/coral"
        [output.alertmanager]
        urls = ["http://10.1.2.3:9093", "https://am.example/prefix"]
        labels = {{cluster = "eu"}}
        [output.webhooks.own]
        url_file = "{tmp_path}/url"
        template = "{tmp_path}/mine.json"
        key_file = "{tmp_path}/key"
        secret = "{KEY}"
        [outbound]
        hosts = ["*.example", "10.1.2.3"]
        networks = ["10.0.0.0/8", "fd00::/8"]
        """
    )
    found = load(file, {"CORAL_OUTPUT__WEBHOOKS__SLACK__URL": URL})
    own, slack = found.settings.output.webhooks.values()

    assert ["own", "slack"] == list(found.settings.output.webhooks)
    assert (URL, KEY, KEY) == tuple(
        "" if secret is None else secret.reveal() for secret in (own.url, own.key, own.secret)
    )
    assert slack.url == own.url
    assert 2 == len(reach_of(found.settings.outbound).networks)
    shown = as_toml(found, effective=True)
    assert not [word for word in (URL, KEY) if word in shown]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            AM.replace("https://am.example", "am:9093"),
            "without a user and a password, expected, got 'am:9093'",
        ),
        (
            AM.replace("https://am.example", "http://127.0.0.1:9093"),
            "urls[0]: public address, or one within `outbound.networks`, expected, got 'http://127",
        ),
        (
            AM.replace("https://am.example", "http://169.254.169.254/latest")
            + "[outbound]\nnetworks = ['10.0.0.0/8']",
            "public address, or one within `outbound.networks`, expected",
        ),
        (AM + "[outbound]\nhosts = ['*.other']", "host among `outbound.hosts` expected"),
        (AM.replace("example", "example/?a"), "address without ? and # expected"),
        (AM.replace("example", "example:99999"), "address of http or https"),
        (AM.replace("am.example", "[::1"), "address of http or https"),
        (AM.replace("am.example", "\u00e4m.example"), "address of http or https"),
        (AM.replace("am.example", "am.example/a b"), "address of http or https"),
        (AM + "resend_s = inf", "resend_s: number > 0 and <= 3600"),
        (AM + 'labels = {"a-b" = "c"}', "names of letters, digits and _ expected, got 'a-b'"),
        (AM + "authorization = 'a\\nb'".replace("'", '"'), "one line of ASCII expected"),
        ("[outbound]\nnetworks = ['10.0.0.1/8']", "networks[0]: network such as 10.0.0.0/8"),
        ("[outbound]\ntls_ca_file = 'pyproject.toml'", "file of certificates (PEM) expected"),
        ("[output]\nlink = 'coral.example'", "output.link: address of http or https expected"),
        ("[output.webhooks.hook]\ntemplate = 'slack'", "hook.url: a value expected, got nothing"),
        ("[output.webhooks.'a b']", "matching"),
        (HOOK + "secret = 'short'", "hook.secret: at least 16 characters expected, got fewer"),
        (HOOK + "template = 'slak'", "one of pagerduty, slack or a file that can be read expected"),
        (HOOK + "template = 'pagerduty'", "hook.key: a value expected with template pagerduty"),
        (
            HOOK + f"template = 'slack'\nkey = '{KEY}'",
            "hook.key: nothing expected with template slack, got a value",
        ),
        (HOOK + f"key = '{KEY}'", "hook.key: nothing expected with template cloudevents"),
        (HOOK + "qeue = 3", "did you mean `queue`?"),
        (HOOK.replace("https://", "https://me:pass@"), "hook.url: address of http or https"),
        (HOOK + "[outbound]\nhosts = ['am.example']", "hook.url: host among `outbound.hosts`"),
    ],
)
def test_what_is_wrong_is_named_without_secrets(tmp_path: Path, text: str, expected: str) -> None:
    """Place, rule and value; an address of a webhook is a secret."""
    found = "\n".join(problems(tmp_path, text))

    assert expected in found
    assert not [word for word in ("T0123456789", KEY, "pass@", "short") if word in found]


def test_the_documented_check_of_a_signature() -> None:
    """It takes what is signed, and nothing that is old, changed or signed by another."""
    page = (Path(__file__).parents[3] / "docs" / "howto" / "be-told.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)  # noqa: S102 - of our own page
    check, now = made["is_from_coral"], str(int(time.time()))
    headers = {"X-Coral-Timestamp": now, "X-Coral-Signature": signature(KEY, now, b"{}")}
    old = str(int(now) - 1000)
    late = {"X-Coral-Timestamp": old, "X-Coral-Signature": signature(KEY, old, b"{}")}

    assert check(KEY.encode(), headers, b"{}")
    assert not check(KEY.encode(), headers, b"{ }")
    assert not check(b"another key", headers, b"{}")
    assert not check(KEY.encode(), headers | {"X-Coral-Timestamp": str(int(now) + 1)}, b"{}")
    assert not check(KEY.encode(), late, b"{}")
