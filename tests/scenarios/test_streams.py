"""What data arrive when: every record in one experience, every experience in segments that share none."""

import numpy as np
import pytest
from timelines import event, scenario

from privacy.errors import ScenarioError
from scenarios.datasets import Digits, HeartDisease, NycFlights, load
from scenarios.division import divide
from scenarios.segments import available
from scenarios.timeline import world_at


def stream_of(kind, experiences=5, **values):
    return {"kind": kind, "experiences": experiences, "rounds_per_experience": 2, **values}


CLASSES = stream_of("class-incremental")
HOSPITALS = stream_of("domain-incremental", 4, key="hospital")
MONTHS = stream_of("domain-incremental", 12, key="month")
STREAMS = [
    (Digits(), CLASSES),
    (Digits(), stream_of("data-incremental", 7)),
    (Digits(), stream_of("domain-incremental", 3, transform="rotation")),
    (HeartDisease(), HOSPITALS),
    (NycFlights(), MONTHS),
]


def divided(dataset, stream=None, *events, **tables):
    table = {} if stream is None else {"stream": stream}
    return divide(scenario(*events, rounds=40, **table, **tables), load(dataset))


@pytest.mark.parametrize(
    ("dataset", "stream"), STREAMS, ids=lambda one: one["kind"] if isinstance(one, dict) else one.kind
)
def test_every_record_is_of_one_experience_and_none_is_empty(dataset, stream):
    experiences = divided(dataset, stream).experiences
    counts = np.bincount(experiences.of)
    assert len(experiences.of) == len(load(dataset))
    assert counts[0] == 0
    assert len(counts) == len(experiences.names) + 1 == len(experiences.shifts) + 1 == stream["experiences"] + 1
    assert counts[1:].min() > 0


@pytest.mark.parametrize(
    ("dataset", "stream"), STREAMS, ids=lambda one: one["kind"] if isinstance(one, dict) else one.kind
)
def test_segments_share_no_record_and_leave_none_out(dataset, stream):
    division = divided(dataset, stream)
    pieces = [segment.records for own in division.holdings for segment in own]
    assert np.array_equal(np.sort(np.concatenate([*pieces, division.test])), np.arange(len(load(dataset))))
    for own in division.holdings:
        for segment in own:
            assert set(division.experiences.of[segment.records]) == {segment.experience}
            assert segment.size == len(segment.records) > 0


def test_without_a_stream_a_client_has_one_segment():
    assert [[segment.name for segment in own] for own in divided(Digits()).holdings] == [["all"]] * 4


def test_a_stream_does_not_change_whose_a_record_is():
    plain, streamed = divided(Digits()), divided(Digits(), CLASSES)
    assert np.array_equal(plain.test, streamed.test)
    assert all(np.array_equal(one, other) for one, other in zip(plain.train, streamed.train, strict=True))


def test_classes_arrive_as_the_data_set_has_them():
    experiences, labels = divided(Digits(), CLASSES).experiences, load(Digits()).labels
    assert experiences.names[0] == "classes 0, 1"
    assert np.array_equal(experiences.of, labels // 2 + 1)


def test_classes_arrive_in_the_order_that_is_asked_for():
    order = [9, 3, 0, 1, 2, 4, 5, 6, 7, 8]
    experiences = divided(Digits(), stream_of("class-incremental", class_order=order)).experiences
    labels = load(Digits()).labels
    assert [sorted(set(labels[experiences.of == number])) for number in (1, 2)] == [[3, 9], [0, 1]]
    assert experiences.names[:2] == ("classes 3, 9", "classes 0, 1")


def test_classes_that_do_not_go_round_come_earlier():
    labels = load(Digits()).labels
    experiences = divided(Digits(), stream_of("class-incremental", 4)).experiences
    assert [len(set(labels[experiences.of == number])) for number in (1, 2, 3, 4)] == [3, 3, 2, 2]


def test_increments_are_equal_parts_at_random():
    of = divided(Digits(), stream_of("data-incremental", 7)).experiences.of
    counts = np.bincount(of)[1:]
    assert counts.max() - counts.min() <= 1
    assert 0.4 < np.mean(np.diff(of) > 0) < 0.6


def test_hospitals_arrive_one_after_another():
    dataset, experiences = load(HeartDisease()), divided(HeartDisease(), HOSPITALS).experiences
    assert np.array_equal(experiences.of, dataset.keys["hospital"].values + 1)
    assert experiences.names == tuple(f"hospital {name}" for name in dataset.keys["hospital"].names)


def test_months_arrive_in_their_order():
    dataset, experiences = load(NycFlights()), divided(NycFlights(), MONTHS).experiences
    assert np.array_equal(experiences.of, dataset.keys["month"].values + 1)


def test_quarters_are_three_months_each():
    month = load(NycFlights()).keys["month"].values
    of = divided(NycFlights(), stream_of("domain-incremental", 4, key="month")).experiences.of
    assert np.array_equal(of, month // 3 + 1)


@pytest.mark.parametrize(
    ("transform", "shifts"),
    [
        ("rotation", [None, 30.0, 60.0]),
        ("resolution", [None, 2, 3]),
        ("permutation", [None, "permutation", "permutation"]),
    ],
)
def test_the_first_experience_is_seen_as_it_is_and_each_later_one_further_shifted(transform, shifts):
    stream = stream_of("domain-incremental", 3, transform=transform, degrees=30.0)
    found = divided(Digits(), stream).experiences.shifts
    told = [getattr(one, "degrees", getattr(one, "factor", getattr(one, "kind", None))) for one in found]
    assert told == shifts


@pytest.mark.parametrize(
    ("dataset", "stream", "told"),
    [
        (Digits(), stream_of("class-incremental", 11), r"stream\.experiences: 10 classes cannot arrive in 11"),
        (Digits(), stream_of("class-incremental", class_order=[0, 1]), r"stream\.class_order: \[0, 1\] does not name"),
        (Digits(), HOSPITALS, r'stream\.key: the data set has no key "hospital"; it has none'),
        (HeartDisease(), stream_of("domain-incremental", 5, key="hospital"), r"stream\.experiences: the 4 values"),
        (HeartDisease(), stream_of("domain-incremental", transform="rotation"), r"stream\.transform: .*needs pictures"),
        (Digits(), stream_of("data-incremental", 999), r"stream\.experiences: no test record is of"),
    ],
)
def test_a_stream_that_the_data_do_not_give_is_refused(dataset, stream, told):
    table = {"stream": {**stream, "rounds_per_experience": 1}}
    with pytest.raises(ScenarioError, match=told):
        divide(scenario(rounds=1000, **table), load(dataset))


MORE = event("new-segment", 5, clients=[1, 2], share=0.25, name="more")


def test_a_new_segment_is_a_share_of_the_records_and_the_rest_is_there_before():
    division = divided(Digits(), None, MORE)
    before, more = division.holdings[1]
    assert [segment.name for segment in division.holdings[0]] == ["all"]
    assert (before.name, more.name, more.announced) == ("all", "more", True)
    assert more.size == round(0.25 * (before.size + more.size))
    assert not set(before.records) & set(more.records)


def test_a_new_segment_is_used_from_its_round_on():
    planned = scenario(MORE)
    own = divided(Digits(), None, MORE).holdings[1]
    names = [[one.name for one in available(world_at(planned, round_), 1, own)] for round_ in (4, 5)]
    assert names == [["all"], ["all", "more"]]


def test_a_new_segment_is_cut_off_the_experience_in_which_it_arrives():
    division = divided(Digits(), CLASSES, MORE)  # round 5 is in the third experience
    assert [(segment.name, segment.experience) for segment in division.holdings[1]] == [
        ("classes 0, 1", 1),
        ("classes 2, 3", 2),
        ("classes 4, 5", 3),
        ("more", 3),
        ("classes 6, 7", 4),
        ("classes 8, 9", 5),
    ]


@pytest.mark.parametrize(("stream", "name"), [(None, "all"), (CLASSES, "classes 4, 5")])
def test_a_new_segment_has_a_name_of_its_own(stream, name):
    with pytest.raises(ScenarioError, match=r"event\[0\]\.name"):
        divided(Digits(), stream, {**MORE, "name": name})


def test_nothing_of_an_absent_client_is_available():
    planned = scenario(event("leave", 3, until=4, clients=[1]))
    own = divided(Digits()).holdings[1]
    assert [len(available(world_at(planned, round_), 1, own)) for round_ in (2, 3, 4, 5)] == [1, 0, 0, 1]


def test_what_is_unlearned_is_not_available():
    planned = scenario(event("unlearn", 3, clients=[1], segments=["classes 2, 3"], method="retrain"), stream=CLASSES)
    own = divided(Digits(), CLASSES).holdings[1]
    names = [[one.name for one in available(world_at(planned, round_), 1, own)] for round_ in (2, 3, 5)]
    assert names == [["classes 0, 1"], ["classes 0, 1"], ["classes 0, 1", "classes 4, 5"]]
