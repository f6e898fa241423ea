"""Criteria as sentences."""

import pytest

from runs.analysis import criteria


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "p95(billing/usage@stage_06) < 400ms",
            "The p95 response time of billing/usage in stage_06 is below 400 ms.",
        ),
        (
            "capacity(billing) >= 1.4 * baseline",
            "The capacity of billing is at least 1.4 times the baseline's.",
        ),
        (
            "error_rate(*@plateau) <= baseline + 20%",
            "The share of errors of each scenario in plateau is at most 20 % more than the "
            "baseline's.",
        ),
        (
            "first_token_p99(chat) < 2s and not rate_5xx(chat) > 1%",
            "The p99 time to the first token of chat is below 2 s and it is not so that the share "
            "of unexpected 5xx answers of chat is above 1 %.",
        ),
        ("probe_max(db_pool) < 20", "The highest reading of db_pool is below 20."),
    ],
)
def test_a_criterion_reads_as_a_sentence(text: str, words: str) -> None:
    assert criteria.sentence(criteria.parse(text)) == words


def test_every_statistic_has_a_word() -> None:
    for name in criteria.STATISTICS:
        assert criteria.sentence(criteria.parse(f"{name}(x) >= baseline"))
