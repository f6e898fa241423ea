"""Keeps secret values out of everything that is written."""

MASK = "***"


class Redaction:
    """Replaces each secret wherever it stands; the longest first, so that none is cut in two."""

    def __init__(self, secrets: frozenset[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def with_more(self, secrets: frozenset[str]) -> "Redaction":
        """One that knows further secrets too, such as the tokens that a login gave."""
        return Redaction(frozenset(self._secrets) | secrets)
