"""Clients of one step whose batches differ much in size pass in groups, each padded by itself."""

import dataclasses

import numpy as np
import pytest
from cohorts import agree, images, job, start_of, steps

from clients.cohort import rows, trainer
from clients.cohort.rows import alike
from clients.jobs import Pull, Teacher
from scenarios.models import Cnn, Mlp

DIGITS = images(shape=(1, 14, 14))
RECORDS = [30, 2, 17, 3, 29]


def groups_of(lengths, kept_values, parameters=0):
    groups = alike(lengths, kept_values, parameters)
    return [range(len(lengths))[group] if isinstance(group, slice) else group.tolist() for group in groups]


def test_what_little_padding_there_is_costs_less_than_groups():
    # Three rows of padding of 60,000 numbers each are less than the 200,000 that a group costs.
    assert groups_of([10, 9, 10, 8], 60_000) == [range(4)]


def test_groups_are_of_like_sizes_and_hold_everybody_once():
    assert groups_of([10, 2, 9, 2], 60_000) == [[1, 3], [0, 2]]


def test_nobody_with_records_is_padded_where_groups_cost_nothing(monkeypatch):
    monkeypatch.setattr(rows, "_GROUP_VALUES", 0)
    assert sorted(groups_of([3, 1, 3, 0, 2], 1)) == [[0, 2], [1], [3], [4]]


def test_many_parameters_to_copy_keep_clients_together():
    # Fourteen rows of padding, 840,000 numbers; four clients' copies come to 0.7 * 4 * 300,000.
    assert groups_of([10, 2, 9, 2], 60_000, 300_000) == [range(4)]


def test_empty_batches_have_nothing_to_be_padded():
    assert groups_of([0, 0], 10**9) == [range(2)]


@pytest.fixture
def grouped(monkeypatch):
    """How many groups each step had, where groups cost nothing."""
    counts, found = [], trainer.alike

    def counted(*arguments):
        groups = found(*arguments)
        counts.append(len(groups))
        return groups

    monkeypatch.setattr(trainer, "alike", counted)
    return counts


@pytest.mark.parametrize("private", [None, steps(3, 0.4)])
def test_in_groups_everybody_has_the_update_it_has_alone(private, grouped):
    big = images(shape=(1, 28, 28))
    agree([job(Cnn(), big, client, records, private, batch_size=20) for client, records in enumerate(RECORDS)])
    assert max(grouped) > 1


@pytest.mark.parametrize("private", [None, steps(3, 0.4, momentum=0.5)])
@pytest.mark.parametrize("model", [Cnn(), Mlp()])
def test_each_client_keeps_its_own_teacher_pull_classes_and_clip_norm(private, model, grouped, monkeypatch):
    monkeypatch.setattr(rows, "_GROUP_VALUES", 0)
    monkeypatch.setattr(rows, "_COPIES", 0)
    jobs = []
    for client, records in enumerate(RECORDS):
        own = private and dataclasses.replace(private, clip_norm=0.1 * 2.0**client)
        one = job(model, DIGITS, client, records, own, batch_size=20, momentum=0.5)
        allowed = np.ones(DIGITS.classes, np.bool_)
        allowed[np.setdiff1d(np.arange(DIGITS.classes), DIGITS.labels[one.records])[:1]] = False
        teacher = Teacher(start_of(model, DIGITS, seed=20 + client), 0.5, 2.0)
        pull = Pull(start_of(model, DIGITS, seed=30 + client), 0.1)
        jobs.append(dataclasses.replace(one, allowed=allowed, teacher=teacher, pull=pull))
    agree(jobs)
    assert max(grouped) > 1
