"""TLS as clients have it in real life: verified, and resumed from the session before."""

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any


class ResumingContext(ssl.SSLContext):
    """Offers the newest session to each new connection, so that it needs no whole handshake.

    asyncio has no argument for it, but makes its TLS objects through `wrap_bio`.
    """

    _newest: ssl.SSLObject | None = None
    _session: ssl.SSLSession | None = None

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        named.setdefault("session", self._last_session())
        made = super().wrap_bio(*arguments, **named)
        self._newest = made
        return made

    def _last_session(self) -> ssl.SSLSession | None:
        """With TLS 1.3 a session comes after the handshake, so it is asked for only now; a
        connection in the middle of its handshake has none that can be read."""
        with suppress(ValueError):
            session = self._newest.session if self._newest is not None else None
            self._session = session or self._session
        return self._session


def context(*, verify: bool, ca_file: Path | None) -> ssl.SSLContext:
    """`ca_file` is trusted beside the system's own certificates."""
    made = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_default_certs()
    if ca_file is not None:
        made.load_verify_locations(ca_file)
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
