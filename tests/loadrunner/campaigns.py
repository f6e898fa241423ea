"""Campaigns for tests, built from a few literal words."""

from pathlib import Path

from loadrunner.campaign.model import Campaign, Load, Request, Scenario, Step, Target


def step(path: str, name: str = "request", method: str = "GET", **more: object) -> Step:
    return Step(name, Request(method, (path,)), **more)  # type: ignore[arg-type]


def at_rate(rate: float, duration_s: float = 1.0, phase: str = "plateau") -> Load:
    return Load(phase, 0.0, duration_s, rate_from=rate, rate_to=rate)


def with_users(users: int, duration_s: float = 1.0, think_s: float = 0.0) -> Load:
    return Load("plateau", 0.0, duration_s, model="closed", users=users, think_time_s=think_s)


def campaign(
    base_url: str, *scenarios: Scenario, timeout_s: float = 2.0, **more: object
) -> Campaign:
    return Campaign(
        name="test",
        file=Path("test.yaml"),
        text="campaign: test\n",
        sha256="",
        target=Target(base_url, ("127.0.0.1",), timeout_s=timeout_s, connect_timeout_s=timeout_s),
        scenarios=scenarios,
        **more,  # type: ignore[arg-type]
    )
