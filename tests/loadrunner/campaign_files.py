"""A small campaign that is right, for tests that change one thing in it."""

from pathlib import Path

from loadrunner.campaign.file import load
from loadrunner.campaign.model import Campaign

SHOP = """\
campaign: shop
target:
  base_url: http://127.0.0.1:8900
  timeout: 10s
identities:
  members:
    login: {method: POST, path: /login, json: {user: "u${index}", password: hunter22}}
    token: $.access_token
    count: 5
data:
  prompts: {file: prompts.csv, order: random}
scenarios:
  chat:
    identity: members
    steps:
      - name: send
        request: {method: POST, path: /chat, json: {text: "${prompts.text}"}}
        extract: {conversation: $.id}
      - name: read
        request: {path: "/chat/${conversation}"}
    load:
      - {phase: ramp_up, duration: 10s, rate: {from: 1, to: 20}}
      - {phase: plateau, duration: 20s, rate: 20, warm_up: 2s}
peak: {chat: 12}
probes:
  ops:
    path: /metrics.json
    metrics:
      pool: {json: $.pool.used, ceiling: $.pool.size, area: database}
criteria:
  - p95(chat/send) < 800ms
"""


def changed(old: str, new: str) -> str:
    """SHOP with one passage replaced."""
    assert SHOP.count(old) == 1, old
    return SHOP.replace(old, new)


def written(folder: Path, text: str | bytes) -> Path:
    """The campaign as shop.yaml, its data set beside it."""
    (folder / "prompts.csv").write_text("text,lang\nhello,en\nbonjour,fr\n", encoding="utf-8")
    file = folder / "shop.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def read(folder: Path, text: str | bytes, **settings: str) -> Campaign:
    """Load the campaign with these --set values and an empty environment."""
    return load(written(folder, text), settings, {})
