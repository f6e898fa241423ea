"""A goal, and how a measured figure stands to it."""

from dataclasses import dataclass

from benchmarks._spread import Spread


@dataclass(frozen=True)
class Goal:
    """`at_least` or `at_most` the limit; `figure` None where nothing could be measured."""

    what: str
    figure: Spread | None
    limit: float
    unit: str = ""
    is_floor: bool = False
    form: str = ".2f"

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return "not measured"
        value = self.figure.median
        return (
            "met" if (value >= self.limit if self.is_floor else value <= self.limit) else "MISSED"
        )

    def row(self) -> list[str]:
        sign = ">=" if self.is_floor else "<="
        limit = f"{self.limit:,g}"
        figure = self.figure.text(self.form) if self.figure else "-"
        return [self.what, figure, f"{sign} {limit} {self.unit}".strip(), self.verdict]

    def document(self) -> dict[str, object]:
        return {
            "what": self.what,
            "unit": self.unit,
            "limit": self.limit,
            "is_floor": self.is_floor,
            "median": self.figure.median if self.figure else None,
            "rounds": list(self.figure.rounds) if self.figure else [],
            "verdict": self.verdict,
        }


HEADINGS = ("goal", "median (least .. greatest round)", "limit", "verdict")
