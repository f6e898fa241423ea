"""`loadrunner init`: a campaign that validates, from an OpenAPI document or a HAR recording."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from loadrunner.campaign.file import campaign_of_text
from loadrunner.cli import main
from loadrunner.drafts import har, openapi
from loadrunner.drafts.sensitive import is_sensitive_value
from loadrunner.drafts.yaml_text import text_of
from tests.loadrunner.processes import loadrunner, target

SHOP = """
openapi: 3.1.0
info: {title: Shop API, version: 2024-01-01}
servers: [{url: "https://api.shop.example/v1"}]
components:
  securitySchemes:
    people: {type: oauth2, flows: {password: {tokenUrl: /v1/token, scopes: {}}}}
    partner: {type: apiKey, in: header, name: X-API-Key}
  schemas:
    Item:
      type: object
      required: [name, price, owner]
      properties:
        id: {type: string, readOnly: true}
        name: {type: string, example: "Tea ${x} 'a\\"b"}
        price: {type: number, minimum: 0.5}
        owner: {$ref: '#/components/schemas/Owner'}
    Owner:
      type: object
      properties:
        email: {type: string, format: email}
        password: {type: string, example: canary-in-example}
        parent: {$ref: '#/components/schemas/Owner'}
security: [{people: []}]
paths:
  /items:
    get:
      tags: [items]
      operationId: listItems
      parameters:
        - {name: limit, in: query, required: true, schema: {type: integer, default: 20}}
        - {name: q, in: query, schema: {type: string}}
      responses: {'200': {description: ok}}
    post:
      tags: [items]
      operationId: createItem
      requestBody:
        content: {application/json: {schema: {$ref: '#/components/schemas/Item'}}}
      responses:
        '201':
          content: {application/json: {schema: {$ref: '#/components/schemas/Item'}}}
  /items/{item_id}:
    parameters: [{name: item_id, in: path, required: true, schema: {type: string}}]
    get: {tags: [items], operationId: getItem, responses: {'200': {}, '404': {}}}
    put:
      tags: [items]
      operationId: putItem
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Item'}}}}
      responses: {default: {}}
    delete: {tags: [items], operationId: deleteItem, responses: {'204': {}}}
  /health: {get: {security: [], responses: {'200': {}}}}
  /privacy/delete: {post: {security: [{partner: []}], responses: {'202': {}}}}
  /old: {get: {deprecated: true, responses: {}}}
  /upload: {post: {requestBody: {required: true, content: {multipart/form-data: {}}}}}
  /stream/{n}: {get: {responses: {'200': {content: {text/event-stream: {}}}}}}
"""
SWAGGER = {
    "swagger": "2.0",
    "info": {"title": "Old"},
    "host": "127.0.0.1:9000",
    "basePath": "/api",
    "schemes": ["http"],
    "securityDefinitions": {"basic": {"type": "basic"}},
    "security": [{"basic": []}],
    "paths": {
        "/pets": {
            "post": {
                "parameters": [{"in": "body", "name": "pet", "schema": {"type": "object"}}],
                "responses": {"200": {"description": "ok"}},
            }
        },
        "/search": {
            "post": {
                "consumes": ["application/x-www-form-urlencoded"],
                "parameters": [{"in": "formData", "name": "q", "type": "string", "default": "a b"}],
                "responses": {"200": {"description": "ok"}},
            }
        },
    },
}


def drafted(document: Any) -> dict[str, Any]:
    """The campaign that comes of a document, read by a YAML reader that knows nothing of ours."""
    if har.is_har(document):
        draft = har.draft(document, "test", None, None)
    else:
        draft = openapi.draft(document, "test", None)
    campaign: dict[str, Any] = yaml.safe_load(text_of(draft))
    return campaign


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    return drafted(yaml.safe_load(SHOP))


def steps_of(campaign: dict[str, Any], scenario: str) -> dict[str, Any]:
    return {step["name"]: step for step in campaign["scenarios"][scenario]["steps"]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("shop.yaml", SHOP),
        ("shop.json", json.dumps(yaml.safe_load(SHOP.replace("2024-01-01", '"1"')))),
        ("old.json", json.dumps(SWAGGER)),
    ],
)
def test_what_is_written_validates(
    tmp_path: Path, name: str, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(content)
    campaign = tmp_path / "campaign.yaml"
    assert main(["init", str(tmp_path / name), "--out", str(campaign)]) == 0
    assert main(["validate", str(campaign)]) == 0
    assert main(["validate", str(campaign), "--allow-destructive"]) == 0
    assert "fill" in capsys.readouterr().out.lower()


def test_standard_output_holds_the_campaign_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP)
    assert main(["init", str(tmp_path / "shop.yaml")]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["campaign"] == "shop_api"


def test_what_changes_or_deletes_is_marked_and_makes_what_it_deletes(shop: dict[str, Any]) -> None:
    scenarios = shop["scenarios"]
    marked = {name for name, one in scenarios.items() if one.get("destructive")}
    assert marked == {"items_changes", "privacy_changes"}
    assert list(steps_of(shop, "items")) == ["create_item", "list_items", "get_item"]
    changes = steps_of(shop, "items_changes")
    assert list(changes) == ["create_item", "put_item", "delete_item"]
    assert changes["create_item"]["extract"] == {"item_id": "$.id"}
    assert changes["delete_item"]["request"]["path"] == "/items/${item_id}"


def test_bodies_statuses_and_parameters_are_those_of_the_document(shop: dict[str, Any]) -> None:
    steps = steps_of(shop, "items")
    body = steps["create_item"]["request"]["json"]
    assert body["name"] == "Tea $${x} 'a\"b"  # the document's text, no variable of ours
    assert body["price"] == 1.0
    assert body["owner"] == {
        "email": "load-${index}@example.test",
        "password": "${PASSWORD:-fill-me-in}",
    }
    assert steps["create_item"]["expect"] == [201]
    assert steps["get_item"]["expect"] == [200]
    assert steps["list_items"]["request"]["path"] == "/items?limit=20"
    (stream,) = steps_of(shop, "stream").values()
    assert stream["stream"] == "sse"
    assert stream["request"]["path"] == "/stream/${N:-sample}"


def test_identities_come_of_the_security_schemes(shop: dict[str, Any]) -> None:
    people = shop["identities"]["people"]
    assert people["login"]["path"] == "/token"  # the base URL holds /v1 already
    assert "grant_type=password" in people["login"]["body"]
    assert shop["identities"]["partner"]["header"] == "X-API-Key"
    assert shop["scenarios"]["items"]["identity"] == "people"
    assert "identity" not in shop["scenarios"]["health"]


def test_a_public_server_is_told_of_and_never_loaded_by_itself(shop: dict[str, Any]) -> None:
    assert shop["target"]["base_url"] == "${TARGET_URL:-http://127.0.0.1:8000/v1}"
    assert shop["target"]["allow"] == ["127.0.0.1", "localhost"]
    text = text_of(openapi.draft(yaml.safe_load(SHOP), "test", None))
    assert "# The source names https://api.shop.example/v1." in text
    assert "GET /old: deprecated" in text
    assert "POST /upload: its body (multipart/form-data) must be written by hand" in text


def test_a_server_of_this_machine_is_taken_as_it_is() -> None:
    old = drafted(SWAGGER)
    assert old["target"]["base_url"] == "${TARGET_URL:-http://127.0.0.1:9000/api}"
    (search,) = steps_of(old, "search").values()
    assert search["request"]["body"] == "q=a%20b"
    assert old["identities"]["basic"]["basic"]["user"] == "${BASIC_USER:-load}"


def test_the_address_may_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP)
    source = str(tmp_path / "shop.yaml")
    assert main(["init", source, "--base-url", "https://staging.shop.example/v2/"]) == 0
    where = yaml.safe_load(capsys.readouterr().out)["target"]
    assert where["base_url"] == "${TARGET_URL:-https://staging.shop.example/v2}"
    assert where["allow"] == ["staging.shop.example"]
    assert main(["init", source, "--base-url", "staging"]) == 2


JSON = ("Content-Type", "application/json")
TOKEN = "canary-token-1234567890"
BEARER = ("Authorization", f"Bearer {TOKEN}")
COOKIE = ("Cookie", "sid=canary-cookie-77; theme=dark")


def exchange(
    method: str, url: str, *sent: tuple[str, str], at: int = 0, **more: Any
) -> dict[str, Any]:
    """An entry of a HAR file; `post` and `answer` are texts, `kind` the answer's type."""
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "headers": [{"name": name, "value": value} for name, value in sent],
    }
    if "post" in more:
        kind = dict(sent).get("Content-Type", "")
        request["postData"] = {"mimeType": kind, "text": more["post"]}
    content = {"mimeType": more.get("kind", "application/json"), "text": more.get("answer", "")}
    return {
        "startedDateTime": f"2026-01-01T10:00:{at:02d}.000Z",
        "time": 100,
        "request": request,
        "response": {
            "status": more.get("status", 200),
            "headers": [{"name": "Set-Cookie", "value": "sid=canary-set-cookie; Path=/"}],
            "content": content,
        },
    }


def recorded(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"log": {"version": "1.2", "entries": list(entries)}}


S = "https://shop.example"
JOURNEY = recorded(
    exchange("GET", f"{S}/", COOKIE, ("Accept", "text/html"), kind="text/html"),
    exchange("GET", f"{S}/app.js", COOKIE, kind="application/javascript"),
    exchange("GET", "https://cdn.example/logo.png", kind="image/png"),
    exchange(
        *("POST", f"{S}/login", JSON),
        post=json.dumps({"user": "bob", "password": "canary-password"}),
        answer=json.dumps({"access_token": TOKEN}),
        at=3,
    ),
    exchange(
        *("GET", f"{S}/items?page=1&api_key=canary-query", BEARER, ("X-Tenant", "canary-tenant")),
        answer=json.dumps({"items": [{"id": 4711}, {"id": 4712}]}),
        at=4,
    ),
    exchange("GET", f"{S}/items/4711", BEARER, at=6),
    exchange(
        *("POST", f"{S}/orders", BEARER, JSON),
        post=json.dumps({"item_id": "4711", "note": "eyJhbGciOiJIUzI1NiJ9.canaryjwt.abc"}),
        status=201,
        answer=json.dumps({"id": "9b2f0c1e-1111-4222-8333-444455556666"}),
        at=7,
    ),
    exchange("DELETE", f"{S}/orders/9b2f0c1e-1111-4222-8333-444455556666", BEARER, status=204),
    exchange(
        *("POST", f"{S}/form", COOKIE, ("Content-Type", "application/x-www-form-urlencoded")),
        post="a=1&csrf_token=canary-csrf&b=x+y%20z",
        status=302,
        at=9,
    ),
    exchange("GET", "https://tracker.example/p"),
    exchange("GET", f"{S}/nothing", BEARER, status=404),
    exchange("GET", f"{S}/reset/{TOKEN}/x"),
    exchange("GET", f"https://bob:canary-userinfo@shop.example/items/4711?x={TOKEN}"),
)


def test_no_secret_of_a_recording_is_copied() -> None:
    text = text_of(har.draft(JOURNEY, "test", None, None))
    assert "canary" not in text
    assert "${PASSWORD:-fill-me-in}" in text
    assert "api_key=${API_KEY:-fill-me-in}" in text
    assert "a=1&csrf_token=${CSRF_TOKEN:-fill-me-in}&b=x%20y%20z" in text
    assert "The recording sent X-Tenant too; what it held is not copied." in text


def test_assets_and_other_hosts_are_left_out_and_counted() -> None:
    text = text_of(har.draft(JOURNEY, "test", None, None))
    assert "app.js" not in text
    assert "logo.png" not in text
    assert "# - 2 assets, preflights and requests that got no answer" in text
    assert "# - 1 to https://tracker.example" in text
    assert "GET /nothing: it answered 404 in the recording" in text


def test_what_an_answer_gives_is_extracted_for_the_requests_that_send_it() -> None:
    steps = steps_of(drafted(JOURNEY), "recorded")
    assert steps["post_login"]["extract"] == {"access_token": "$.access_token"}
    assert steps["get_items"]["request"]["headers"] == {"Authorization": "Bearer ${access_token}"}
    assert steps["get_items"]["extract"] == {"id": "$.items[0].id"}
    assert steps["get_items_id"]["request"]["path"] == "/items/${id}"
    assert steps["get_items_id"]["think_time"] == "1.9s"
    assert steps["post_orders"]["request"]["json"]["item_id"] == "${id}"
    assert steps["post_orders"]["expect"] == [201]


def test_the_journey_with_what_deletes_is_one_of_its_own() -> None:
    scenarios = drafted(JOURNEY)["scenarios"]
    assert "destructive" not in scenarios["recorded"]
    assert scenarios["recorded_changes"]["destructive"] is True
    methods = [one["request"]["method"] for one in scenarios["recorded"]["steps"]]
    assert "DELETE" not in methods
    (deleted,) = [
        one
        for one in scenarios["recorded_changes"]["steps"]
        if one["request"]["method"] == "DELETE"
    ]
    assert deleted["request"]["path"] == "/orders/${id_2}"


def test_a_recording_validates_and_so_does_an_empty_one(tmp_path: Path) -> None:
    for number, document in enumerate((JOURNEY, recorded())):
        source, campaign = tmp_path / f"{number}.har", tmp_path / f"{number}.yaml"
        source.write_text(json.dumps(document))
        assert main(["init", str(source), "--out", str(campaign)]) == 0
        assert main(["validate", str(campaign)]) == 0
        assert main(["validate", str(campaign), "--allow-destructive"]) == 0


def test_a_file_that_is_there_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP)
    campaign = tmp_path / "mine.yaml"
    campaign.write_text("mine")
    command = ["init", str(tmp_path / "shop.yaml"), "--out", str(campaign)]
    assert main(command) == 2
    assert "is there already" in capsys.readouterr().err
    assert campaign.read_text() == "mine"
    assert main([*command, "--force"]) == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "neither an OpenAPI document"),
        (b"{}", "neither an OpenAPI document"),
        (b'{"openapi": ', "is not JSON"),
        (b"a: [1", "line 1 is neither JSON nor YAML"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"!!python/object:os.system {}", "is neither JSON nor YAML"),
    ],
)
def test_another_file_ends_with_2_and_says_what_it_is_not(
    tmp_path: Path, content: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "source").write_bytes(content)
    assert main(["init", str(tmp_path / "source")]) == 2
    assert told in capsys.readouterr().err
    assert main(["init", str(tmp_path / "nothing-here")]) == 2


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        ("sk-live-abcdefghijkl1234", True),
        ("eyJhbGciOiJIUzI1NiJ9.e30.abc", True),
        ("3f786850e387550fdab836ed7e6dc881de23001b", True),
        ("9b2f0c1e-1111-4222-8333-444455556666", False),  # an id names, and opens nothing
        ("a-title-of-many-words-without-numbers", False),
        ("2026-01-01T10:00:00Z", False),
    ],
)
def test_what_looks_like_a_secret_is_taken_for_one(text: str, is_secret: bool) -> None:
    assert is_sensitive_value(text) == is_secret


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["type", "properties", "required", "items", "allOf", "enum", "example", "default", "format"]
)
SCHEMAS = st.recursive(
    st.dictionaries(KEYS, ANYTHING, max_size=3),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.text(), inner, max_size=3)}
    ),
    max_leaves=4,
)


@settings(deadline=None)  # a machine may be busy
@given(path=st.text(min_size=1), schema=SCHEMAS, text=st.text(), other=ANYTHING)
def test_whatever_a_document_holds_the_draft_is_a_campaign(
    path: str, schema: Any, text: str, other: Any
) -> None:
    document = {
        "openapi": "3.0.0",
        "info": {"title": text},
        "servers": other,
        "paths": {
            f"/{path}/{{{text}}}": {
                "post": {
                    "summary": text,
                    "tags": [text],
                    "parameters": [
                        {"name": text, "in": "query", "required": True, "example": other},
                        {"name": "n", "in": "header", "required": True, "schema": schema},
                    ],
                    "requestBody": {"content": {"application/json": {"schema": schema}}},
                    "responses": other,
                }
            }
        },
    }
    _assert_campaign(document)


@settings(deadline=None)  # a machine may be busy
@given(path=st.text(), text=st.text(), other=ANYTHING, status=st.sampled_from([200, 302, 500]))
def test_whatever_a_recording_holds_the_draft_is_a_campaign(
    path: str, text: str, other: Any, status: int
) -> None:
    url = f"http://127.0.0.1:8000/{path}"
    document = recorded(
        exchange("POST", url, ("X-Any", text), post=text, answer=json.dumps(other), status=status),
        exchange("POST", url, JSON, ("Accept", text), post=json.dumps(other)),
        exchange("DELETE", f"{url}?{text}={path}", ("Authorization", text)),
    )
    document["log"]["entries"].append(other)
    _assert_campaign(document)


def _assert_campaign(document: Any) -> None:
    again = json.loads(json.dumps(document))
    if har.is_har(again):
        draft = har.draft(again, "test", None, None)
    else:
        draft = openapi.draft(again, "test", None)
    text = text_of(draft)
    campaign_of_text(Path("draft"), text.encode(), {}, {}, allow_destructive=True)


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with target() as url:
        yield url


@pytest.mark.journey
def test_a_draft_runs_against_the_service_that_it_describes(service: str, tmp_path: Path) -> None:
    key = {"name": "X-API-Key", "in": "header", "type": "apiKey"}
    document = {
        "openapi": "3.0.0",
        "servers": [{"url": service}],
        "components": {"securitySchemes": {"partner": key}},
        "paths": {
            "/healthz": {"get": {"responses": {"200": {}}}},
            "/v1/b2b/quote": {"get": {"security": [{"partner": []}], "responses": {"200": {}}}},
        },
    }
    source, campaign = tmp_path / "openapi.json", tmp_path / "campaign.yaml"
    source.write_text(json.dumps(document))
    assert main(["init", str(source), "--out", str(campaign)]) == 0
    secret = ("--set", "PARTNER_API_KEY=demo-partner-key")
    done = loadrunner("run", campaign, "--debug", *secret)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "x-api-key: ***" in done.stdout
