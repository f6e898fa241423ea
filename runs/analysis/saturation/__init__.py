"""Where a scenario saturates: the highest offered load that the target sustains, and why."""

from runs.analysis.saturation.finder import curve, find, kept_up
from runs.analysis.saturation.result import Headroom, LoadPoint, Quota, Saturation

__all__ = ["Headroom", "LoadPoint", "Quota", "Saturation", "curve", "find", "kept_up"]
