"""The grammar of criteria: what it reads, what it says about what it cannot read."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.analysis.criteria import By, Catalogue, Criterion, CriterionError, check, parse
from runs.analysis.criteria.expression import (
    Absolute,
    And,
    Atom,
    Expression,
    Name,
    Not,
    Operator,
    Or,
    Relative,
    Selector,
)
from runs.analysis.criteria.statistic import STATISTICS, UNITS, Statistic

DOCUMENT = Path(__file__).parents[2] / "docs" / "criteria.md"

CATALOGUE = Catalogue(
    steps={"chat": ("send_message", "history"), "billing": ("usage",), "b2b": ("quote",)},
    phases={
        "chat": ("ramp_up", "plateau", "spike"),
        "billing": ("stage_01", "stage_02"),
        "b2b": ("steady",),
    },
    metrics=("db_pool_in_use", "redis_hit_rate"),
)


def first(text: str) -> Atom:
    return parse(text).atoms[0]


@pytest.mark.parametrize(
    "text",
    [
        "p95(chat/send_message@plateau) < 300ms",
        "p99.9(chat/history@spike) <= 1.5s",
        "first_token_p95(chat/send_message) < 800ms",
        "ok_p50(*) < 1s",
        "service_p99(billing@stage_02) < 1s",
        "all_p90(chat/*@spike) < 1s",
        "error_rate(*@plateau) < 1%",
        "rate_5xx(*) == 0%",
        "rate_5xx(*) == 0",
        "throughput(chat) >= 25/s",
        "count(chat/send_message) >= 1000",
        "max(chat) < 5s and mean(chat) < 100ms",
        "capacity(billing) >= 1.3 * baseline",
        "capacity(*) > 20/s",
        "headroom(b2b) >= 1.5",
        "probe_max(db_pool_in_use) < 20",
        "probe_mean(redis_hit_rate@spike) > 0.9",
        "p95(chat) <= baseline + 20%",
        "p95(chat) <= baseline - 5%",
        "p95(chat) < baseline",
        "not (p95(chat) < 300ms or error_rate(chat) < 1%) and count(chat) > 100 by interval",
    ],
)
def test_what_the_contract_writes_is_read_and_exists(text: str) -> None:
    criterion = parse(text)
    check(criterion, CATALOGUE)
    assert parse(str(criterion)) == criterion


def test_the_parts_of_an_atom_are_what_was_written() -> None:
    atom = first("p95(chat/send_message@plateau) < 1.5s")
    assert atom.statistic.q == 0.95
    assert atom.selector == Selector(Name("chat"), Name("send_message"), Name("plateau"))
    assert atom.operator == "<"
    assert atom.limit == Absolute(1.5, "s")
    assert atom.limit.canonical(atom.statistic) == 1500.0


@pytest.mark.parametrize(
    ("limit", "factor"),
    [
        ("baseline", 1.0),
        ("0.8 * baseline", 0.8),
        ("baseline * 0.8", 0.8),
        ("baseline + 20%", 1.2),
        ("baseline - 20 %", 0.8),
    ],
)
def test_a_relative_limit_is_a_factor(limit: str, factor: float) -> None:
    found = first(f"p95(chat) < {limit}").limit
    assert isinstance(found, Relative)
    assert found.factor == pytest.approx(factor)
    assert parse(f"p95(chat) < {limit}").needs_baseline


def test_not_binds_before_and_and_and_before_or() -> None:
    criterion = parse("not p50(a) < 1s and p50(b) < 1s or p50(c) < 1s")
    a, b, c = (first(f"p50({name}) < 1s") for name in "abc")
    assert criterion.expression == Or((And((Not(a), b)), c))


def test_names_with_other_signs_stand_in_quotes() -> None:
    atom = first(r'p95("b 2b"/"GET /a\"b"@plateau) < 1s')
    assert atom.selector.name.text == "b 2b"
    assert atom.selector.step == Name('GET /a"b')


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "it is empty"),
        ("p96(chat) < 3ms", 1, "Did you mean p9"),
        ("p95 chat < 3ms", 5, "found 'chat'"),
        ("p95(chat < 3ms", 10, "A ) is missing after p95(chat"),
        ("p95(chat) =< 3ms", 11, "one of < <= > >= =="),
        ("p95(chat) < 300", 13, "a time with ms or s"),
        ("p95(chat) < 300%", 16, "a time with ms or s"),
        ("error_rate(chat) < 1", 20, "a share with %"),
        ("throughput(chat) > 5", 20, "a rate with /s"),
        ("count(chat) > 5/s", 16, "a number without a unit"),
        ("p95(chat) < 0.8 * basline", 19, "Did you mean baseline?"),
        ("p95(chat) < baseline + 20", 26, "in %"),
        ("p95(chat) < baseline - 120%", 22, "below nothing"),
        ("p95(chat) < 3ms adn p50(chat) < 1ms", 17, "Did you mean and?"),
        ("p95(chat) < 3ms by intervall", 20, "Did you mean interval?"),
        ("capacity(chat@plateau) > 3/s", 14, "capacity is written capacity(SCENARIO)"),
        ("capacity(chat/send) > 3/s", 14, "capacity is written capacity(SCENARIO)"),
        ("probe_max(*) > 3", 11, "the name of one metric"),
        ("p95(chat@*) < 3ms", 10, "a phase is one name"),
        ("(p95(chat) < 3ms", 17, "ends too early. A ) is missing"),
        ("p95(chat) < 1e999s", 13, "too large"),
        ('p95("chat) < 3ms', 5, "no closing"),
        ("not " * 100 + "p95(chat) < 3ms", 161, "nested more than 40 deep"),
    ],
)
def test_an_error_points_at_the_column_and_says_what_is_allowed(
    text: str, column: int, message: str
) -> None:
    with pytest.raises(CriterionError) as caught:
        parse(text)
    assert message in caught.value.message
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("p95(chta) < 3ms", 5, "no scenario called 'chta'; there is chat, billing, b2b."),
        ("p95(chta) < 3ms", 5, "Did you mean chat?"),
        ("p95(chat/sendmessage) < 3ms", 10, "no step of chat called 'sendmessage'"),
        ("p95(chat@platau) < 3ms", 10, "no phase of chat called 'platau'"),
        ("p95(*@stage_09) < 3ms", 7, "no phase called 'stage_09'"),
        ("p95(*/quota) < 3ms", 7, "no step called 'quota'"),
        ("p95(billing) < 3ms", 5, "the phase must be named: billing@PHASE"),
        ("p95(billing) < 3ms", 5, "stage_01, stage_02"),
        ("capacity(chta) > 3/s", 10, "no scenario called 'chta'"),
        ("probe_max(db_pool) < 3", 11, "no probe metric called 'db_pool'"),
        ("probe_max(db_pool_in_use@soak) < 3", 26, "no phase called 'soak'"),
    ],
)
def test_a_name_that_does_not_exist_is_an_error(text: str, column: int, message: str) -> None:
    criterion = parse(text)
    with pytest.raises(CriterionError) as caught:
        check(criterion, CATALOGUE)
    assert message in caught.value.message
    assert caught.value.column == column


def test_any_scenario_means_those_that_have_the_phase() -> None:
    check(parse("p95(*@plateau) < 1s"), CATALOGUE)
    check(parse("p95(*@stage_02) < 1s"), CATALOGUE)
    check(parse("p95(*/quote) < 1s"), CATALOGUE)


@given(
    st.text(
        alphabet=st.sampled_from(list('p95(chat/@*)<>= 13.msby%"\\andornotbaseline+-'))
        | st.characters(),
        max_size=60,
    )
)
def test_reading_raises_nothing_but_its_own_error(text: str) -> None:
    try:
        criterion = parse(text)
    except CriterionError as error:
        column, message = error.column, error.message
    else:
        column, message = 1, "none"
        assert parse(str(criterion)) == criterion
    assert 1 <= column <= len(text) + 1
    assert message


OPERATORS: list[Operator] = ["<", "<=", ">", ">=", "=="]
AMOUNTS = st.floats(0, 1e12).map(abs)
NAMES = st.builds(Name, st.text(min_size=1, max_size=12)) | st.just(Name("*", is_any=True))
PHASES = st.none() | st.builds(Name, st.text(min_size=1, max_size=12))
RELATIVE = st.builds(Relative, st.sampled_from("*+"), AMOUNTS) | st.builds(
    Relative, st.just("-"), st.floats(0, 100)
)


@st.composite
def atoms(draw: st.DrawFn) -> Atom:
    statistic: Statistic = draw(st.sampled_from(list(STATISTICS.values())))
    unit = draw(st.sampled_from(list(UNITS[statistic.measure])))
    name = draw(NAMES.filter(lambda one: statistic.kind != "probe" or not one.is_any))
    step = draw(st.none() | NAMES) if statistic.kind not in ("probe", "saturation") else None
    phase = draw(PHASES) if statistic.kind != "saturation" else None
    limit = draw(st.builds(Absolute, AMOUNTS, st.just(unit)) | RELATIVE)
    operator = draw(st.sampled_from(OPERATORS))
    return Atom(statistic, Selector(name, step, phase), operator, limit)


def joined(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, parts) | st.builds(And, several) | st.builds(Or, several)


@given(st.recursive(atoms(), joined, max_leaves=5), st.sampled_from([None, "point", "interval"]))
def test_what_is_written_out_reads_back_the_same(expression: Expression, by: By | None) -> None:
    criterion = Criterion(expression, by)
    assert parse(str(criterion)) == criterion


def test_every_example_of_the_document_is_read() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    examples = [
        line.strip()
        for block in re.findall(r"```criteria\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
        if line.strip()
    ]
    assert len(examples) > 15
    for example in examples:
        parse(example)
