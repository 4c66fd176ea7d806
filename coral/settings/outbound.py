"""The sections on who is told over HTTP, and on what may be connected to."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from coral.config import Name
from coral.settings.base import Secret, Section

__all__ = ["Alertmanager", "Outbound", "Webhook", "WebhookName"]

WebhookName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class Alertmanager(Section, frozen=True, kw_only=True):
    """Alertmanagers that get an alert for each open incident, sent again until it is over.

    Parameters
    ----------
    urls : list of str
        Their addresses, up to and with `--web.route-prefix`; each gets every alert, as those of a
        cluster expect it. Empty: none.
    changes : bool
        Whether changes that no health signal has felt are alerts too, as `CoralChange`.
    labels : table of name = text
        Put on every alert, for routes.
    runbook_url : str, optional
        Annotation of that name.
    resend_s : float
        Seconds after which a firing alert is sent again; what has not been for four times that is
        over for Alertmanager.
    authorization : secret, optional
        Header of that name: `Bearer ...` or `Basic ...`.
    """

    urls: tuple[Name, ...] = ()
    changes: bool = False
    labels: dict[str, Name] = msgspec.field(default_factory=dict)
    runbook_url: Name | None = None
    resend_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    authorization: Secret | None = None


class Webhook(Section, frozen=True, kw_only=True):
    """A receiver of messages: one each when an incident opens, settles and is over.

    Parameters
    ----------
    url : secret
        Its address: those of chat services let everybody write who knows them.
    template : str
        `cloudevents`, the event itself; `slack`; `pagerduty`; or a file with a template.
    key : secret, optional
        What `{key}` in the template stands for, such as a routing key.
    secret : secret, optional
        Signs each message, 16 characters or more.
    authorization : secret, optional
        Header of that name: `Bearer ...` or `Basic ...`.
    changes : bool
        Whether changes that no health signal has felt are told too.
    queue : int
        Most messages that wait; the oldest make room and are counted.
    """

    url: Secret | None = None
    template: Name = "cloudevents"
    key: Secret | None = None
    secret: Secret | None = None
    authorization: Secret | None = None
    changes: bool = False
    queue: Annotated[int, Meta(ge=1, le=100_000)] = 256


class Outbound(Section, frozen=True, kw_only=True):
    """What may be connected to over HTTP, for `output.alertmanager` and `output.webhooks`.

    Parameters
    ----------
    hosts : list of str
        Names, or patterns such as `*.example.com`, of which every address must be one; empty: any.
    networks : list of str
        Networks such as `10.0.0.0/8` that may be reached although their addresses are private,
        loopback or link-local; others are refused, whatever a name leads to.
    tls_ca_file : str, optional
        Certificates to trust besides those of the system, PEM.
    timeout_s : float
        Longest time that an attempt may take, seconds.
    """

    hosts: tuple[Name, ...] = ()
    networks: tuple[Name, ...] = ()
    tls_ca_file: Name | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
