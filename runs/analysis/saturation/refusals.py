"""What kind of limit refuses: a rate or a quota, for everybody or for each identity."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Flags, Floats, Flow, Ints
from runs.analysis.saturation.result import Quota, Scope

Window = tuple[float, float]
# Between two admissions a token bucket refuses a few: so many in a row mean a window used up,
# unless buckets of one token a user ran dry together.
_LONG_RUN: Final = 8
_LONG_SHARE: Final = 0.9
_OF_EACH: Final = 1.5
_ALIKE: Final = 0.6
_FEWEST: Final = 30
_FEWEST_OF_ONE: Final = 4
# Counts that vary by less than this part of what chance makes them vary are alike.
_BY_CHANCE: Final = 0.3
_TELLING: Final = 0.04
# So many requests and identities tell whose a limit is, however many more there are.
_MOST_TOLD: Final = 200_000
_MOST_IDENTITIES: Final = 500
_PAYMENT_REQUIRED: Final = 402
_UNAVAILABLE: Final = 503
_SHORTEST_S: Final = 0.9
# Windows are counted in these, where the measured length leaves the choice.
_ROUND_S: Final = (1, 2, 5, 10, 12, 15, 20, 30, 60, 90, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True)
class Limit:
    """`is_quota` where a window was used up; `quota` its size and length where known."""

    is_quota: bool
    quota: Quota | None
    scope: Scope


def is_limit(calls: Flow, windows: Sequence[Window]) -> bool:
    """Whether what fails in the windows is refused by a rule, and not shed by a full queue."""
    parts = [calls.between(*window) for window in windows]
    refused = np.concatenate([calls.refused[part] for part in parts])
    failed = np.concatenate([~calls.good[part] for part in parts])
    status = np.concatenate([calls.status[part] for part in parts])[refused]
    shed = int((status == _UNAVAILABLE).sum())
    return bool(refused.sum() - shed > 0.5 * failed.sum())


def limit(calls: Flow) -> Limit:
    """From every request of the run that was admitted or refused."""
    known = ~calls.unsent
    due, refused = calls.due[known], calls.refused[known]
    user, status = calls.user[known], calls.status[known]
    runs = _long_runs(due, refused)
    blocks = _blocks(due, refused, runs)
    paid = bool((status[refused] == _PAYMENT_REQUIRED).mean() > 0.5) if refused.any() else False
    if not paid and not _is_used_up(refused, user, runs, blocks):
        return Limit(False, None, _scope_of_rate(due, refused, user))
    return Limit(True, _quota(blocks), _scope_of_quota(refused, user, runs))


@dataclass(frozen=True)
class _Blocks:
    """From one opening of a window to the next: admissions and seconds, of the shortest kind;
    `slack` is how late an opening may be noticed."""

    sizes: Ints
    lengths: Floats
    slack: float

    @property
    def are_alike(self) -> bool:
        alike = self.sizes >= 0.98 * self.sizes.max() - 1
        return bool(alike.mean() >= _ALIKE)


def _is_used_up(
    refused: Flags, user: Ints, runs: list[tuple[int, int]], blocks: _Blocks | None
) -> bool:
    in_long = sum(last - first + 1 for first, last in runs)
    if in_long <= _LONG_SHARE * max(int(refused.sum()), 1):
        return False
    if blocks is None:
        return max(last - first + 1 for first, last in runs) >= _FEWEST
    length = float(np.median(blocks.lengths))
    return (
        blocks.are_alike
        and not _one_of_each(runs, user)
        and (_is_whole(length, blocks.slack) or len(np.unique(user)) < 2)
    )


def pace(calls: Flow, stretches: Sequence[Window], scope: Scope) -> tuple[float, float] | None:
    """Admissions per second of a rate limit, with its standard error; None without refusals.

    At a refusal the credit is used up, whatever it was before, so that between the first and the
    last refusal of a stretch exactly as much is admitted as the limit allows in that time. Where
    each identity has its own limit, that is reckoned for each, and all identities have the like.
    """
    each = scope == "per_identity"
    told_of = [_between(_known(calls, start, end), each) for start, end in stretches]
    counts, lengths = (np.concatenate(column) for column in zip(*told_of, strict=True))
    told = lengths > 0
    if not told.any():
        return None
    of_one = float(counts[told].sum() / lengths[told].sum())
    off = counts[told] - of_one * lengths[told]
    # A count between two refusals is off by one at the most, a fraction of a token on either side.
    spread = float(np.sqrt((np.maximum(off**2, 0.5)).sum())) / float(lengths[told].sum())
    keys = len(np.unique(calls.user)) if each else 1
    return of_one * keys, spread * keys


def _known(calls: Flow, start: float, end: float) -> Flow:
    """The calls due in a stretch that were sent."""
    inside = np.zeros(calls.count, dtype=bool)
    inside[calls.between(start, end)] = True
    return calls.only(inside & ~calls.unsent)


def _between(calls: Flow, each: bool) -> tuple[Floats, Floats]:
    """Admissions and seconds from the first refusal to the last, of each identity or of all."""
    key = calls.user if each else np.zeros(calls.count, dtype=np.int8)
    order = _grouped(key)
    key, due, refused = key[order], calls.due[order], calls.refused[order]
    admitted = np.cumsum(~refused)
    at = np.flatnonzero(refused)
    if not len(at):
        return np.zeros(0), np.zeros(0)
    first = at[np.concatenate([[True], np.diff(key[at]) != 0])]
    last = at[np.concatenate([np.diff(key[at]) != 0, [True]])]
    return (admitted[last] - admitted[first]).astype(np.float64), due[last] - due[first]


def _grouped(key: Ints) -> Ints:
    """The order by key, and by time within; a key that fits in 16 bits is sorted by counting."""
    low = int(key.min()) if len(key) else 0
    small = len(key) > 0 and int(key.max()) - low < 1 << 16
    return np.argsort((key - np.int64(low)).astype(np.uint16) if small else key, kind="stable")


def _long_runs(due: Floats, refused: Flags) -> list[tuple[int, int]]:
    """First and last index of each row of refusals without an admission in between."""
    if not len(due):
        return []
    edges = np.flatnonzero(np.diff(refused.astype(np.int8)))
    starts = np.concatenate([[0], edges + 1])
    ends = np.concatenate([edges, [len(refused) - 1]])
    long = refused[starts] & (ends - starts + 1 >= _LONG_RUN)
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


def _one_of_each(runs: list[tuple[int, int]], user: Ints) -> bool:
    """Whether between long rows every identity was admitted about once: that is no window."""
    between = [user[last + 1 : first] for (_, last), (first, _) in itertools.pairwise(runs)]
    each = [len(block) / len(np.unique(block)) for block in between if len(block)]
    several = len(np.unique(user)) > 1
    return several and bool(each) and float(np.median(each)) <= _OF_EACH


def _blocks(due: Floats, refused: Flags, runs: list[tuple[int, int]]) -> _Blocks | None:
    """A window opens with the first admission after a long row of refusals; None below two."""
    resumes = [last + 1 for _, last in runs if last + 1 < len(due)]
    if len(resumes) < 2:
        return None
    opened = due[resumes]
    slack = float(np.max(opened - due[[at - 1 for at in resumes]]))
    lengths = np.diff(opened)
    typical = float(np.median(lengths))
    single = (lengths > typical / 1.5) & (lengths < typical * 1.5)
    sizes = np.diff(np.cumsum(~refused)[resumes])
    return _Blocks(sizes[single], lengths[single], slack)


def _quota(blocks: _Blocks | None) -> Quota:
    if blocks is None or not blocks.are_alike:
        return Quota(None, None)
    return Quota(int(blocks.sizes.max()), _rounded(float(np.median(blocks.lengths)), blocks.slack))


def _rounded(length: float, slack: float) -> float:
    near = [one for one in _ROUND_S if abs(one - length) <= max(slack, 0.02 * length)]
    if near:
        return float(min(near, key=lambda one: abs(one - length)))
    return float(round(length)) if _is_whole(length, slack) else float(f"{length:.3g}")


def _is_whole(length: float, slack: float) -> bool:
    """Whether a length is a whole number of seconds, as windows are."""
    return length >= _SHORTEST_S and abs(length - round(length)) <= max(slack, 0.01 * length)


def _scope_of_quota(refused: Flags, user: Ints, runs: list[tuple[int, int]]) -> Scope:
    """Identities of like load that are refused unlike have a quota each. So have those that are
    admitted alike though they asked unlike; where they asked alike the two look the same."""
    names, code = np.unique(user, return_inverse=True)
    if len(names) < 2:
        return "unknown"
    asked = np.bincount(code)
    rates = np.bincount(code, weights=refused) / asked
    busy = asked >= _FEWEST_OF_ONE
    overall = float(refused.mean())
    spread = np.sqrt(max(overall * (1 - overall), 1e-9) / asked[busy])
    if busy.sum() < 2:
        return "unknown"
    off = np.abs(rates[busy] - overall) / spread
    if float(np.mean(off > 4)) > 0.3:
        return "per_identity"
    opened = np.array([last + 1 for _, last in runs])
    if _dispersion(code, ~refused, opened) >= _BY_CHANCE:
        return "global"
    alike = _dispersion(code, np.ones_like(refused), opened) < _BY_CHANCE
    return "unknown" if alike else "per_identity"


def _dispersion(code: Ints, counted: Flags, opened: Ints) -> float:
    """The variance of the counts of each identity in a window over their mean: 1 by chance, less
    where each gets as many; the middle of all windows whose beginning and end were seen."""
    window = np.searchsorted(opened, np.arange(len(code)), side="right")
    counted = counted & (code < _MOST_IDENTITIES)
    inside = counted & (window > 0) & (window < len(opened))
    if not inside.any():
        inside, window = counted, np.zeros(len(code), dtype=np.int64)
    if not inside.any():
        return 1.0
    users, windows = min(int(code.max()) + 1, _MOST_IDENTITIES), int(window[inside].max()) + 1
    counts = np.bincount(window[inside] * users + code[inside], minlength=windows * users)
    table = counts.reshape(windows, users)
    means = table.mean(axis=1)
    seen = means > 0
    return float(np.median(table.var(axis=1, ddof=1)[seen] / means[seen]))


def _scope_of_rate(due: Floats, refused: Flags, user: Ints) -> Scope:
    """Which credit tells admissions from refusals: everybody's together, or each one's own?

    A limiter's credit grows with time and falls with each admission. Reckoned for the right key
    it is higher at every admission than at every refusal.
    """
    names, code = np.unique(user, return_inverse=True)
    first = int(np.argmax(refused))
    last = len(refused) - int(np.argmax(refused[::-1]))
    if len(names) < 2 or int(refused.sum()) < _FEWEST:
        return "unknown"
    due, refused, code = due[first:last], refused[first:last], code[first:last]
    due, refused, code = due[:_MOST_TOLD], refused[:_MOST_TOLD], code[:_MOST_TOLD]
    everybody, _ = _telling(due, refused)
    told, weight = 0.0, 0
    order = _grouped(code)
    edges = np.flatnonzero(np.diff(code[order])) + 1
    for mine in np.split(order, edges)[:_MOST_IDENTITIES]:
        if int(refused[mine].sum()) >= _FEWEST_OF_ONE:
            own, size = _telling(due[mine], refused[mine])
            told, weight = told + own * size, weight + size
    if not weight:
        return "global"
    return _chosen(everybody, told / weight)


def _chosen(everybody: float, each: float) -> Scope:
    if each > everybody + _TELLING:
        return "per_identity"
    return "global" if everybody > each + _TELLING else "unknown"


def _telling(due: Floats, refused: Flags) -> tuple[float, int]:
    """How well the credit tells the two apart (1: always, .5: not at all), and its weight.

    The rate is that of the admissions, in pieces, since a load below the limit lets credit go.
    """
    credit = _credit(due, ~refused)
    admitted, turned = credit[~refused], np.sort(credit[refused])
    if not len(admitted) or not len(turned):
        return 0.5, 0
    below = np.searchsorted(turned, admitted, side="left")
    ties = np.searchsorted(turned, admitted, side="right") - below
    return float((below + ties / 2).mean() / len(turned)), len(due)


def _credit(due: Floats, admitted: Flags) -> Floats:
    """Tokens since the last admission: what counts in a bucket that is all but empty."""
    spent: Floats = (np.cumsum(admitted) - admitted).astype(np.float64)
    span = due[-1] - due[0]
    pace = admitted.sum() / span if span > 0 else 0.0
    raw = pace * (due - due[0]) - spent
    size = len(raw)
    window = max(20, size // 20)
    padded = np.concatenate([[0.0], np.cumsum(raw)])
    low = np.maximum(np.arange(size) - window, 0)
    high = np.minimum(np.arange(size) + window + 1, size)
    local: Floats = raw - (padded[high] - padded[low]) / (high - low)
    return local
