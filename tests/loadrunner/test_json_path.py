"""Paths into a JSON answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadrunner.engine.json_path import compiled, found

DOCUMENT = {"a": {"b-c": [{"id": 7}, {"id": None}]}, "0": "zero"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DOCUMENT),
        ("$.a.b-c[0].id", 7),
        ("$['a']['b-c'][0].id", 7),
        ("$.a.b-c[1].id", None),
        ("$.a.b-c[2].id", "missing"),
        ("$.a.none", "missing"),
        ("$.a[0]", "missing"),
    ],
)
def test_a_path_leads_to_a_value_or_says_that_it_is_missing(path: str, value: object) -> None:
    assert found(DOCUMENT, compiled(path), "missing") == value


@pytest.mark.parametrize("path", ["", "a.b", "$.", "$a", "$.a[", "$.a[x]", "$..a", "$.0x"])
def test_a_path_that_cannot_be_read_says_from_where_on(path: str) -> None:
    with pytest.raises(ValueError, match=r"does not start with|cannot be read from column"):
        compiled(path)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_looking_for_a_path_never_fails(document: object) -> None:
    assert found(document, compiled("$.a[3].b"), "missing") == "missing"
