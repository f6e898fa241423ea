"""A person who is signed in."""

import pytest
from django.test import Client

from tests.portal_pages import records


@pytest.fixture
def visitor(client: Client) -> Client:
    client.force_login(records.user())
    return client
