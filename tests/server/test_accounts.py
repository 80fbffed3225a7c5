import dataclasses

import pytest

from privacy import ledger
from privacy.ledger import Charge
from privacy.protections.protocol import Reply
from server.rounds.accounts import Accounts

CHARGE = Charge("all", "dp-sgd", 1.0, 0.1, 10)


def rows(steps):
    return (dataclasses.replace(CHARGE, steps=steps),)


def reply(steps=None, status="trained", text=None):
    told = {} if steps is None and text is None else {"ledger": text or ledger.to_json(rows(steps) if steps else ())}
    return Reply(0, {"status": status, **told})


def test_a_client_is_believed_that_took_what_was_asked():
    accounts = Accounts()
    assert accounts.settle(0, reply(10), [CHARGE]) == rows(10)
    assert accounts.settle(0, reply(13), [CHARGE]) == rows(13)
    assert accounts.settle(0, reply(13, "retired"), [CHARGE]) == rows(13)


@pytest.mark.parametrize("steps", [0, 3, 10, 21, 1000])
def test_a_client_that_says_too_little_or_too_much_is_charged_whole(steps):
    accounts = Accounts()
    accounts.settle(0, reply(10), [CHARGE])
    assert accounts.settle(0, reply(steps), [CHARGE]) == rows(20)


def test_a_client_is_believed_that_did_only_what_is_free():
    accounts = Accounts()
    accounts.settle(0, reply(10), [CHARGE])
    assert accounts.settle(0, reply(10), [CHARGE], or_nothing=True) == rows(10)
    assert accounts.settle(0, reply(9), [CHARGE], or_nothing=True) == rows(20)


def test_rows_nobody_asked_for_are_not_believed():
    other = Charge("all", "dp-sgd", 0.0, 0.1, 10)
    accounts = Accounts()
    assert accounts.settle(0, reply(text=ledger.to_json((other,))), [CHARGE]) == rows(10)
    assert accounts.settle(0, reply(text=ledger.to_json((*rows(10), other))), [CHARGE]) == rows(20)


def test_a_lost_reply_is_charged_until_the_client_tells_better():
    accounts = Accounts()
    assert accounts.settle(0, Reply(0, error="no reply"), [CHARGE]) == rows(10)
    assert accounts.settle(0, Reply(0, error="no reply"), [CHARGE]) == rows(20)
    assert accounts.settle(0, reply(14), [CHARGE]) == rows(14)  # the first two rounds took 4 steps in all


def test_interrupted_attempts_may_have_been_taken():
    accounts = Accounts()
    accounts.restore(0, rows(10), rows(10))
    assert accounts.settle(0, reply(40), [CHARGE], attempts=3) == rows(40)
    assert accounts.settle(0, Reply(0, error="no reply"), [CHARGE], attempts=2) == rows(60)


OLD, NEW = dataclasses.replace(CHARGE, segment="old"), dataclasses.replace(CHARGE, segment="new", sampling_rate=0.2)


def test_every_segment_that_was_asked_for_is_charged():
    accounts = Accounts()
    assert accounts.settle(0, Reply(0, error="no reply"), [OLD, NEW]) == (OLD, NEW)


def test_a_client_is_believed_that_used_one_of_its_segments_no_more():
    accounts = Accounts()
    accounts.settle(0, reply(text=ledger.to_json((OLD, NEW))), [OLD, NEW])
    told = (OLD, dataclasses.replace(NEW, steps=20))
    assert accounts.settle(0, reply(text=ledger.to_json(told)), [OLD, NEW]) == told


def test_charges_of_another_segment_are_not_believed():
    accounts = Accounts()
    told = (dataclasses.replace(OLD, segment="other"), NEW)
    assert accounts.settle(0, reply(text=ledger.to_json(told)), [OLD, NEW]) == (OLD, NEW)


def test_what_was_taken_for_spent_stays_so_after_a_resume():
    whole, resumed = Accounts(), Accounts()
    whole.settle(0, reply(10), [CHARGE])
    whole.settle(0, Reply(0, error="no reply"), [CHARGE])
    resumed.restore(0, rows(10), known=rows(20))  # its memory says that the lost round was not trained
    assert resumed.ledgers == whole.ledgers
    for accounts in (whole, resumed):
        assert accounts.settle(0, Reply(0, error="no reply"), [CHARGE]) == rows(30)
        assert accounts.settle(0, reply(20), [CHARGE]) == rows(20)


def test_a_client_that_was_never_asked_has_no_account_after_a_resume():
    accounts = Accounts()
    accounts.restore(0, (), known=())
    assert accounts.ledgers == {}


def test_without_privacy_there_is_nothing_to_charge():
    assert Accounts().settle(0, reply(10), ()) == ()
