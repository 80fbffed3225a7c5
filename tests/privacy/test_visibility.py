from dataclasses import replace

import pytest

from privacy.audits import visibility
from privacy.audits.visibility import Passed, passed_of
from privacy.protections import Homomorphic, NoProtection

PLAIN, HIDDEN = NoProtection().carries(), Homomorphic().carries()


def passed(to, name, form="clear", phase="update", client=None, messages=3, size=300):
    return Passed(to, phase, name, form, messages, size, client)


MODEL = passed("clients", "arrays.parameters")
UPDATES = passed("server", "reply.envelope")
KEYS = [
    passed("server", "reply.context", "public-context", "keys", client=2),
    passed("clients", "request.context", "public-context", "context"),
]
ENCRYPTED = [
    MODEL,
    passed("server", "reply.envelope", "ciphertext"),
    passed("clients", "request.sum", "ciphertext", "decrypt", client=2),
    passed("server", "reply.total", "clear", "decrypt", client=2),
]


def cells(rounds, carries):
    return {(seen.quantity, seen.role): seen.how for seen in visibility.table(rounds, carries, "")}


def encrypted(clients):
    """A round with so many uploads."""
    return [one if one.name != "reply.envelope" else replace(one, messages=clients) for one in ENCRYPTED]


def test_without_a_protection_the_server_reads_single_updates_and_adds_them_up():
    seen = cells([[MODEL, UPDATES]], PLAIN)
    assert seen["single updates", "server"] == "reads"
    assert seen["sum of updates", "server"] == "works out"
    assert seen["single updates", "other clients"] == "nothing"


def test_there_is_a_key_holder_only_where_one_sent_a_key():
    assert visibility.roles([[MODEL, UPDATES]]) == ("server", "other clients", "network")
    assert visibility.roles([KEYS]) == ("server", "key holder", "other clients", "network")


def test_under_encryption_uploads_are_ciphertexts_to_all_and_the_sum_is_the_key_holders_to_open():
    seen = cells([KEYS, ENCRYPTED], HIDDEN)
    assert seen["single updates", "server"] == seen["single updates", "network"] == "ciphertext"
    assert seen["single updates", "key holder"] == "nothing"
    assert seen["sum of updates", "key holder"] == "decrypts"
    assert seen["sum of updates", "server"] == "reads"
    assert seen["secret key", "key holder"] == "holds"
    assert seen["secret key", "server"] == "nothing"


def test_a_single_upload_that_is_sent_to_the_key_holder_is_read_by_it():
    relayed = passed("clients", "request.envelope", "ciphertext", client=2)
    assert cells([KEYS, [*ENCRYPTED, relayed]], HIDDEN)["single updates", "key holder"] == "decrypts"
    to_another = passed("clients", "request.envelope", "ciphertext", client=1)
    assert cells([KEYS, [*ENCRYPTED, to_another]], HIDDEN)["single updates", "other clients"] == "ciphertext"


def test_two_models_give_the_sum_between_them_away_and_one_does_not():
    assert cells([KEYS, ENCRYPTED], HIDDEN)["sum of updates", "other clients"] == "nothing"
    assert cells([KEYS, ENCRYPTED, ENCRYPTED], HIDDEN)["sum of updates", "other clients"] == "works out"


def test_labels_follow_from_an_update_as_far_as_noise_allows():
    assert cells([[UPDATES]], PLAIN)["label sets", "server"] == "works out"
    whys = {(seen.quantity, seen.role): seen.why for seen in visibility.table([[UPDATES]], PLAIN, "with some noise")}
    assert whys["single updates", "server"] == "with some noise"
    assert whys["label sets", "server"].endswith("as far as its noise allows")


def test_of_a_sum_of_two_each_has_the_other_s_update():
    seen = cells([KEYS, encrypted(2), encrypted(3)], HIDDEN)
    assert {seen["single updates", role] for role in ("key holder", "other clients")} == {"works out"}
    assert {seen["single updates", role] for role in ("server", "network")} == {"ciphertext"}


def test_a_sum_of_one_is_that_one_s_update():
    assert cells([KEYS, encrypted(1)], HIDDEN)["single updates", "server"] == "works out"


def test_a_reply_that_was_lost_is_seen_by_the_network_alone():
    seen = cells([[passed("nobody", "reply.envelope")]], PLAIN)
    assert seen["single updates", "network"] == "reads"
    assert seen["single updates", "server"] == "nothing"


def test_clients_are_sent_their_own_weight_and_no_other():
    seen = cells([[passed("clients", "plan.own", "text")]], PLAIN)
    assert seen["weights", "other clients"] == "nothing"
    assert seen["weights", "network"] == "reads"


def test_a_field_nobody_named_has_a_row_of_its_own():
    seen = cells([[passed("server", "reply.gradients_of_everything")]], PLAIN)
    assert seen["unnamed: reply.gradients_of_everything", "server"] == "reads"


@pytest.mark.parametrize(
    ("leak", "words"),
    [
        (passed("server", "reply.envelope"), "single updates travelled in the clear"),
        (passed("server", "reply.envelope", "text"), "single updates travelled in the clear"),
        (passed("nobody", "reply.copy"), "something that could be an update travelled in the clear as 'reply.copy'"),
        (passed("server", "reply.copy", "text"), "something that could be an update"),
        (passed("server", "reply.loss"), "something that could be an update"),
        (passed("server", "reply.reason"), "something that could be an update"),
        (passed("server", "reply.reason", "text", size=10**6), "something that could be an update"),
        (passed("server", "reply.copy", "public-context"), "something that could be an update"),
        (passed("server", "reply.context", "secret-context", "keys", client=2), "a secret key travelled"),
        (passed("clients", "request.context", "secret-context", "context"), "a secret key travelled"),
    ],
)
def test_what_travels_against_the_promise_is_a_leak(leak, words):
    assert visibility.leaks([KEYS, ENCRYPTED], HIDDEN, hides_updates=True) == ()
    [found] = visibility.leaks([KEYS, [*ENCRYPTED, leak]], HIDDEN, hides_updates=True)
    assert words in found


def test_nothing_was_promised_without_a_protection():
    assert visibility.leaks([[MODEL, UPDATES]], PLAIN, hides_updates=False) == ()


def test_a_secret_key_that_travelled_was_read():
    leak = passed("clients", "request.context", "secret-context", "context")
    assert cells([KEYS, [leak]], HIDDEN)["secret key", "other clients"] == "reads"


@pytest.mark.parametrize(
    "change",
    [{"to": "all"}, {"phase": 1}, {"form": "gold"}, {"messages": -1}, {"bytes": 1.5}, {"client": "0"}, {"more": 1}],
)
def test_a_line_that_is_no_message_is_refused(change):
    sound = dict(vars(UPDATES))
    assert passed_of(sound) == UPDATES
    with pytest.raises(ValueError, match="a message's line has"):
        passed_of({**sound, **change})
