"""Colours by meaning: a percentile, an outcome and a scenario keep theirs on every chart.

Hues are those of Okabe and Ito, which colour-blind people tell apart (Color Universal Design,
2008); the dark ones are the same hues, lightened. Figures are written in the light colours; a
page in dark swaps each for its pair, so every light colour stands here once.
"""

from collections.abc import Iterable

# role: (light, dark)
_ROLES = {
    "ink": ("#16191d", "#e9ecef"),
    "ink-2": ("#434b54", "#bcc4cc"),
    "ink-3": ("#5c656f", "#97a1ac"),
    "grid": ("#e6e9eb", "#2a3036"),
    "axis": ("#b9c0c7", "#4a535c"),
    "surface": ("#ffffff", "#191d21"),
    "line": ("#868f98", "#77828d"),
    "blue": ("#0072b2", "#58aee8"),
    "sky": ("#3894c8", "#8fd0f5"),
    "green": ("#008f68", "#35c79c"),
    "orange": ("#c98500", "#f0b53a"),
    "vermillion": ("#d55e00", "#ff8f4a"),
    "purple": ("#b8588e", "#e6a0c8"),
    "yellow": ("#94870a", "#f0e442"),
    "black": ("#2b2b2b", "#d5d5d5"),
    "grey": ("#7b838b", "#9aa3ac"),
    # The heatmap, from few to many.
    "heat-1": ("#d5e6f2", "#1d3a4f"),
    "heat-2": ("#8fc0df", "#2a6690"),
    "heat-3": ("#3b8cc0", "#4aa0dc"),
    "heat-4": ("#0b4a75", "#c4e6fb"),
    # See-through: bands and areas.
    "good-area": ("rgba(0,143,104,0.28)", "rgba(53,199,156,0.3)"),
    "band": ("rgba(20,40,60,0.035)", "rgba(220,235,255,0.045)"),
    "level": ("rgba(90,110,130,0.13)", "rgba(170,190,210,0.14)"),
    "interval": ("rgba(213,94,0,0.16)", "rgba(255,143,74,0.22)"),
}
_SERIES = ("blue", "vermillion", "green", "purple", "orange", "sky", "black", "yellow")
_MEANINGS = {
    "p50": "sky",
    "p95": "blue",
    "p99": "purple",
    "wanted": "grey",
    "reached": "blue",
    "goodput": "green",
    "saturation": "vermillion",
    "limit": "vermillion",
    "in_flight": "black",
    "probe": "blue",
    "ok": "green",
    "refused": "orange",
    "client_error": "purple",
    "server_error": "vermillion",
    "timeout": "black",
    "connection_error": "grey",
    "check_failed": "yellow",
    "unsent": "sky",
}


def colour(meaning: str) -> str:
    """The light colour of a meaning ('p95', 'refused') or of a role ('ink', 'grid')."""
    return _ROLES[_MEANINGS.get(meaning, meaning)][0]


def series_colours(names: Iterable[str]) -> dict[str, str]:
    """One colour a name, in the order given; the ninth starts again at the first."""
    return {name: _ROLES[_SERIES[index % len(_SERIES)]][0] for index, name in enumerate(names)}


def heat() -> list[list[float | str]]:
    """Plotly's colour scale of a heatmap: one hue, so that it reads without colour vision."""
    return [[at, _ROLES[f"heat-{step}"][0]] for step, at in enumerate((0.0, 0.4, 0.7, 1.0), 1)]


def dark_pairs() -> dict[str, str]:
    """Light colour -> its dark pair, for the page's script."""
    return dict(_ROLES.values())
