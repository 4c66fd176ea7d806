"""Tokens for OAUTHBEARER by the client credentials grant (RFC 6749, section 4.4)."""

import base64
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from streams.clock import Clock
from streams.errors import TokenError
from streams.opener import straight_opener

_OPENER = straight_opener()
# A token is renewed when so much of its life has passed, so that none expires on its way.
_USED_SHARE = 0.8
_MAX_ANSWER = 64 << 10


class ClientCredentials:
    """Asks the token endpoint for access tokens, and again before they expire.

    May be used by several threads, as Kafka clients do.

    Parameters
    ----------
    url : str
        Token endpoint. An answer that redirects is an error.
    client_id, client_secret : str
    scope : str or None
    clock : Clock
    timeout_s : float
        Longest wait for an answer, seconds.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        scope: str | None,
        clock: Clock,
        timeout_s: float = 10.0,
    ) -> None:
        self._url = url
        # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
        pair = ":".join(urllib.parse.quote_plus(part) for part in (client_id, client_secret))
        self._login = "Basic " + base64.b64encode(pair.encode()).decode()
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._form = urllib.parse.urlencode(form).encode()
        self._clock = clock
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def token(self) -> str:
        """Return a token that is still valid, a new one if need be.

        Raises
        ------
        TokenError
            If the endpoint cannot be reached or gives none.
        """
        with self._lock:
            if not self._token or self._clock.monotonic() >= self._renew_at:
                asked = self._clock.monotonic()
                self._token, expires_in = self._ask()
                self._renew_at = asked + _USED_SHARE * expires_in
            return self._token

    def _ask(self) -> tuple[str, float]:
        headers = {"Authorization": self._login, "Accept": "application/json"}
        request = urllib.request.Request(self._url, self._form, headers)  # noqa: S310 - configured
        try:
            with _OPENER.open(request, timeout=self._timeout_s) as answer:
                held: Any = json.loads(answer.read(_MAX_ANSWER))
            return str(held["access_token"]), float(held.get("expires_in", 60))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection
            raise TokenError(self._url, f"{type(error).__name__}: {error}") from None
