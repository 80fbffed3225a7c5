"""A client's replay memory: which of its past records it keeps, decided record by record."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from scenarios.datasets.dataset import Labels
from scenarios.learners import Replay
from scenarios.schema import DpSgd, Scenario
from scenarios.seeds import stream
from scenarios.segments import Segment

Kept = Mapping[str, Labels]
"""The records kept of each past segment, int64, by the segment's name."""


def brought_up_to_date(scenario: Scenario, client: int, kept: Kept, past: Sequence[Segment], labels: Labels) -> Kept:
    """What of `past` is in the memory from now on; `labels` int64[N] are those of the whole data set.

    Segments that were not past before are taken in; those that are past no more (unlearned) fall out. A record that has
    fallen out does not come back.

    **Guarantee.** Under DP-SGD whether a record is kept depends on its own number and on the segments' sizes, which are
    public: nobody else's presence changes it, so that neighbouring data sets stay neighbours.
    """
    learner = scenario.learner
    if not isinstance(learner, Replay):
        return {}
    candidates = {segment.name: kept.get(segment.name, segment.records) for segment in past}
    if candidates.keys() == kept.keys():
        return kept
    if not past:
        return {}
    records = np.concatenate(list(candidates.values()))
    drawn = np.concatenate([_numbers(scenario, client, name, len(labels))[own] for name, own in candidates.items()])
    if isinstance(scenario.privacy, DpSgd):
        chosen = drawn < learner.memory / sum(segment.size for segment in past)
    else:
        groups = labels[records] if learner.selection == "class-balanced" else np.zeros(len(records), np.int64)
        chosen = _smallest(drawn, groups, learner.memory)
    bounds = np.cumsum([len(own) for own in candidates.values()])[:-1]
    return dict(zip(candidates, _cut(records, chosen, bounds), strict=True))


def _numbers(scenario: Scenario, client: int, segment: str, count: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each record of the data set, were it in this segment; the same every time."""
    return stream(scenario.seed, "client", client, "segment", segment, "replay").random(count)


def _smallest(drawn: npt.NDArray[np.float64], groups: Labels, memory: int) -> npt.NDArray[np.bool_]:
    """bool[n]: the `memory` smallest numbers, shared out among the groups as evenly as there are records."""
    ranks = np.empty(len(drawn), np.int64)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        ranks[members[np.argsort(drawn[members], kind="stable")]] = np.arange(len(members))
    chosen = np.zeros(len(drawn), np.bool_)
    chosen[np.lexsort((drawn, ranks))[:memory]] = True
    return chosen


def _cut(records: Labels, chosen: npt.NDArray[np.bool_], bounds: Labels) -> Iterator[Labels]:
    for own, taken in zip(np.split(records, bounds), np.split(chosen, bounds), strict=True):
        yield own[taken]
