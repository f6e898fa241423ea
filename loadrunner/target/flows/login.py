"""Signing in: an email and the password for an access token."""

import hmac

from loadrunner.target.exchange import Exchange
from loadrunner.target.router import Route
from loadrunner.target.service import Service


def routes(service: Service) -> tuple[Route, ...]:
    expected = service.settings.load_password.encode()

    def login(exchange: Exchange, _: tuple[str, ...]) -> None:
        document = exchange.json()
        email = document.get("email") if document is not None else None
        password = document.get("password") if document is not None else None
        if not isinstance(email, str) or not isinstance(password, str) or not email:
            detail = 'The body must be {"email": "…", "password": "…"}.'
            exchange.refuse(422, "invalid_body", detail)
            return
        after_s = exchange.arrived_s + service.settings.login_time
        if hmac.compare_digest(password.encode(), expected):
            service.reply_later(exchange, after_s, 200, _session(service, email, after_s))
        else:
            detail = "The email or the password is wrong."
            service.agenda.at(after_s, lambda: exchange.refuse(401, "wrong_password", detail))

    return (Route("POST", "/v1/auth/login", login),)


def _session(service: Service, email: str, now_s: float) -> dict[str, object]:
    return {
        "access_token": service.tokens.issue(email, now_s),
        "token_type": "bearer",
        "expires_in": round(service.tokens.ttl_s, 3),
    }
