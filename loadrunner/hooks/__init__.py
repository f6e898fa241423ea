"""Journeys in Python: what a function of a campaign is given, and what it may catch."""

from loadrunner.hooks.response import Headers, Response
from loadrunner.hooks.session import NoAnswer, Session

__all__ = ["Headers", "NoAnswer", "Response", "Session"]
