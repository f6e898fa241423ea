"""Access tokens: who they stand for, and until when."""

import secrets


class Tokens:
    """Kept in memory, so a restart of the target ends them all; a reset of its state does not."""

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._users: dict[str, tuple[str, float]] = {}
        self._swept_s = 0.0

    def issue(self, user: str, now_s: float) -> str:
        self._sweep(now_s)
        token = secrets.token_urlsafe(24)
        self._users[token] = (user, now_s + self.ttl_s)
        return token

    def user(self, token: str, now_s: float) -> str | None:
        """None for a token that never was, and for one that has run out."""
        user, ends_s = self._users.get(token, ("", 0.0))
        return user if now_s < ends_s else None

    def _sweep(self, now_s: float) -> None:
        """Forgets what has run out, at most once a lifetime of a token."""
        if now_s - self._swept_s >= self.ttl_s:
            self._users = {k: v for k, v in self._users.items() if now_s < v[1]}
            self._swept_s = now_s
