"""The measures of continual learning on matrices small enough to work out by hand."""

import numpy as np
import pytest

from server.evaluation import continual
from server.evaluation.matrix import matrix_of

R = np.array([[0.9, 0.2, 0.1], [0.6, 0.8, 0.2], [0.5, 0.7, 1.0]])
INITIAL = [0.1, 0.1, 0.3]


def test_average_accuracy_is_that_of_the_last_row():
    assert continual.average_accuracy(R) == pytest.approx((0.5 + 0.7 + 1.0) / 3)


def test_forgetting_is_the_fall_from_the_best():
    assert continual.forgetting_by_experience(R) == pytest.approx([0.4, 0.1])
    assert continual.forgetting(R) == pytest.approx(0.25)


def test_the_best_is_looked_for_from_the_experience_on_and_before_the_last():
    # 0.9 before the experience was there, and 0.95 at the end, are not what was learned and then forgotten.
    matrix = np.array([[0.5, 0.9, 0.1], [0.6, 0.4, 0.1], [0.55, 0.95, 0.8]])
    assert continual.forgetting_by_experience(matrix) == pytest.approx([0.05, -0.55])


def test_backward_transfer_is_measured_from_when_it_was_learned():
    assert continual.backward_transfer(R) == pytest.approx(((0.5 - 0.9) + (0.7 - 0.8)) / 2)


def test_forward_transfer_is_what_earlier_experiences_give_beyond_the_initial_model():
    assert continual.forward_transfer(R, INITIAL) == pytest.approx(((0.2 - 0.1) + (0.2 - 0.3)) / 2)


def test_plasticity_is_the_mean_of_the_diagonal():
    assert continual.plasticity(R) == pytest.approx((0.9 + 0.8 + 1.0) / 3)


def test_with_one_experience_over_nothing_can_be_forgotten():
    assert continual.forgetting(R[:1]) is None
    assert continual.backward_transfer(R[:1]) is None
    assert continual.forward_transfer(R[:1], INITIAL) is None
    assert continual.average_accuracy(R[:1]) == pytest.approx(0.4)


def test_a_run_that_was_cut_short_is_measured_on_what_is_over():
    assert continual.forgetting(R[:2]) == pytest.approx(0.9 - 0.6)
    assert continual.plasticity(R[:2]) == pytest.approx(0.85)


def test_a_client_weighs_classes_as_its_records_have_them():
    assert continual.of_client(np.array([1.0, 0.5, 0.0]), np.array([30.0, 10.0, 0.0])) == pytest.approx(0.875)


def test_a_class_that_is_not_tested_is_left_out_of_a_clients_accuracy():
    assert continual.of_client(np.array([1.0, np.nan]), np.array([1.0, 3.0])) == 1.0
    assert continual.of_client(np.array([np.nan, 1.0]), np.array([1.0, 0.0])) is None


MANIFEST = {
    "experiences": ["classes a", "classes b"],
    "dataset": {"classes": ["a", "b"]},
    "clients": {
        "0": {
            "segments": {
                "classes a": {"experience": 1, "labels": {"a": 5}},
                "classes b": {"experience": 2, "labels": {"b": 1}},
            }
        },
        "1": {"segments": {"classes a": {"experience": 1, "labels": {"a": 5}}}},
    },
}
RECORDS = [
    {"kind": "start", "by_experience": [0.5, 0.25]},
    {"kind": "round", "round": 1, "by_experience": [0.7, 0.0]},
    {"kind": "round", "round": 2, "by_experience": [0.9, 0.0], "by_class": [[0.9, None], [None, 0.0]]},
    {"kind": "round", "round": 4, "by_experience": [0.4, 0.8], "by_class": [[0.4, None], [None, 0.8]]},
    {"kind": "end"},
]


def test_the_matrix_has_a_row_for_each_experience_that_is_over():
    found = matrix_of(RECORDS, MANIFEST)
    assert (found["rounds"], found["matrix"]) == ([2, 4], [[0.9, 0.0], [0.4, 0.8]])
    assert found["forgetting"] == pytest.approx(0.5)
    assert found["forward_transfer"] == pytest.approx(-0.25)


def test_a_client_that_holds_some_of_every_experience_has_figures_of_its_own():
    found = matrix_of(RECORDS, MANIFEST)["per_client"]
    assert found["0"]["matrix"] == [[0.9, 0.0], [0.4, 0.8]]
    assert found["0"]["backward_transfer"] == pytest.approx(-0.5)


def test_what_a_client_does_not_hold_is_null_in_its_matrix():
    found = matrix_of(RECORDS, MANIFEST)["per_client"]["1"]
    assert found == {
        "matrix": [[0.9, None], [0.4, None]],
        "average_accuracy": None,
        "forgetting": None,
        "backward_transfer": None,
    }


def test_without_an_experience_that_is_over_there_is_no_matrix():
    assert matrix_of(RECORDS[:2], MANIFEST) is None
