"""Signing in: a form, and nothing to see without it."""

import pytest
from django.test import Client

from tests.portal_pages import records

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/", "/projects/x/", "/compare/", "/help/", "/help/glossary/"])
def test_every_page_asks_who_is_there(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_the_form_signs_in_and_goes_where_one_wanted_to_go(client: Client) -> None:
    records.user()
    form = {"username": "ada", "password": records.PASSWORD, "next": "/help/"}
    answer = client.post("/accounts/login/", form)
    assert answer.headers["Location"] == "/help/"


def test_a_wrong_password_says_so_and_keeps_the_name(client: Client) -> None:
    records.user()
    form = {"username": "ada", "password": "wrong"}
    page = client.post("/accounts/login/", form).content.decode()
    assert "do not match" in page
    assert 'value="ada"' in page
    assert "wrong" not in page


def test_signing_out_is_a_button_not_a_link(visitor: Client) -> None:
    assert visitor.get("/accounts/logout/").status_code == 405
    assert visitor.post("/accounts/logout/").status_code == 302
    assert visitor.get("/").status_code == 302


def test_an_address_of_nothing_is_said_in_words(visitor: Client) -> None:
    answer = visitor.get("/projects/nothing/")
    assert answer.status_code == 404
    assert "There is no project &#x27;nothing&#x27;" in answer.content.decode()
