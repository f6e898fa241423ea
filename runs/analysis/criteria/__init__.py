"""Criteria: checkable sentences about a run, one grammar for campaigns, CI gates and re-tests."""

from runs.analysis.criteria.catalogue import Catalogue, catalogue_of, check
from runs.analysis.criteria.expression import By, Criterion
from runs.analysis.criteria.grammar import parse
from runs.analysis.criteria.judge import Bench, evaluate, judge, unjudged
from runs.analysis.criteria.judgement import CriterionVerdict, Judgement
from runs.analysis.criteria.measurement import Figures, Measures
from runs.analysis.criteria.repeats import Remembered, Repeats
from runs.analysis.criteria.sentence import sentence
from runs.analysis.criteria.statistic import STATISTICS
from runs.analysis.criteria.summed_up import SummedUp
from runs.analysis.errors import CriterionError

__all__ = [
    "STATISTICS",
    "Bench",
    "By",
    "Catalogue",
    "Criterion",
    "CriterionError",
    "CriterionVerdict",
    "Figures",
    "Judgement",
    "Measures",
    "Remembered",
    "Repeats",
    "SummedUp",
    "catalogue_of",
    "check",
    "evaluate",
    "judge",
    "parse",
    "sentence",
    "unjudged",
]
