import numpy as np
import pytest
from exchanges import Clients, some_updates
from pydantic import TypeAdapter, ValidationError

from privacy import fixed_point
from privacy.errors import RunFailed
from privacy.protections import Homomorphic, NoProtection, ProtectionParameters
from privacy.protections.protocol import UPDATE, Reply

WEIGHTS = {0: 0.5, 1: 0.25, 2: 0.25}
PROTECTIONS = (NoProtection(), Homomorphic(), Homomorphic(scheme="ckks"))


def a_run(protection, parameters=10, weights=WEIGHTS):
    return Clients(protection, dict(weights), some_updates(len(weights), parameters))


def test_kinds_are_told_apart():
    adapter = TypeAdapter(ProtectionParameters)
    assert adapter.validate_python({"kind": "none"}) == NoProtection()
    assert adapter.validate_python({"kind": "homomorphic", "scheme": "ckks"}) == Homomorphic(scheme="ckks")
    with pytest.raises(ValidationError):
        adapter.validate_python({"kind": "homomorphic", "value_range": 0.0})


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_weighted_sums_by_hand(protection):
    run = a_run(protection)
    run.updates = {0: np.float32([1, 0]), 1: np.float32([0, 1]), 2: np.float32([-1, 0.5])}
    view = run.collect()
    np.testing.assert_allclose(view.total, [0.25, 0.375], atol=fixed_point.error_bound(3, 1.0))
    assert [c.client for c in view.contributions] == [0, 1, 2]
    assert view.weight == 1.0
    assert view.rejections == ()


@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize("parameters", [1, 8191, 8193])
def test_expected_upload_size_is_the_real_one(protection, parameters):
    view = a_run(protection, parameters).collect()
    assert {c.sent_bytes for c in view.contributions} == {protection.upload_bytes(parameters)}


def test_only_plain_sums_show_updates():
    plain = a_run(NoProtection())
    np.testing.assert_array_equal(plain.collect().updates[1], plain.updates[1])
    assert a_run(Homomorphic()).collect().updates is None
    assert [p.hides_updates for p in PROTECTIONS] == [False, True, True]


@pytest.mark.parametrize("scheme", ["bfv", "ckks"])
@pytest.mark.parametrize("clients", [1, 2, 7])
def test_the_encrypted_sum_is_the_plain_sum_within_the_bound(scheme, clients):
    weights = dict.fromkeys(range(clients), 1 / clients)
    encrypted = a_run(Homomorphic(scheme=scheme), 5000, weights).collect()
    plain = a_run(NoProtection(), 5000, weights).collect()
    assert np.abs(encrypted.total - plain.total).max() <= fixed_point.error_bound(clients, 1.0)


def test_bfv_and_ckks_give_the_same_bits_in_every_run():
    first = a_run(Homomorphic(), 3000).collect()
    ckks = a_run(Homomorphic(scheme="ckks"), 3000).collect()
    again = a_run(Homomorphic(), 3000).collect()
    assert first.total.tobytes() == ckks.total.tobytes() == again.total.tobytes()


def test_updates_beyond_the_shared_clip_saturate_and_say_so():
    run = a_run(Homomorphic(value_range=0.5))
    run.updates = {0: np.float32([3, -3, 0.25]), 1: np.float32([0, 0, 0]), 2: np.float32([0, 0, 0])}
    view = run.collect()
    np.testing.assert_allclose(view.total, [0.25, -0.25, 0.125], atol=1e-5)
    assert [r.fields["saturated"] for r in run.replies if "saturated" in r.fields] == [2, 0, 0]


@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (np.float32([np.nan, 0]), "NaN or infinity"),
        (np.float32([0, -np.inf]), "NaN or infinity"),
        (np.float32([0, 1e7]), "beyond 1e+06"),
        (np.float32([0, 0, 0]), "shape"),
        (np.float32([[0, 0]]), "shape"),
        (None, "no update"),
    ],
)
def test_unfit_updates_are_rejected_and_the_sum_stays_finite(protection, update, reason):
    run = a_run(protection)
    run.updates = {0: np.float32([1, 0]), 1: update, 2: np.float32([0, 1])}
    view = run.collect()
    [rejection] = view.rejections
    assert rejection.client == 1
    assert reason in rejection.reason
    np.testing.assert_allclose(view.total, [0.5, 0.25], atol=1e-5)
    assert view.weight == 0.75


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_a_lost_client_is_left_out_of_the_sum(protection):
    def lose(request, reply):
        return Reply(1, error="lost") if request.client == 1 else reply

    view = a_run(protection).collect(tamper=lose)
    assert [(r.client, r.reason) for r in view.rejections] == [(1, "lost")]
    assert [c.client for c in view.contributions] == [0, 2]


def test_the_server_never_holds_the_secret_key():
    run = a_run(Homomorphic())
    run.collect()
    secret = run.secrets[0]["homomorphic.secret"]
    public = run.secrets[0]["homomorphic.context"]
    assert secret.startswith(public)
    key = secret[len(public) + 300 :]
    seen = [v for message in [*run.requests, *run.replies] for v in message.fields.values() if isinstance(v, bytes)]
    assert run.material == public
    assert not any(key[at : at + 16] in blob for blob in [*seen, run.material] for at in range(0, len(key) - 16, 997))
    assert all("homomorphic.secret" not in run.secrets[client] for client in (1, 2))


def test_the_key_holder_does_not_open_a_sum_of_one():
    def lose(request, reply):
        return Reply(request.client, error="lost") if request.phase == UPDATE and request.client else reply

    view = a_run(Homomorphic()).collect(tamper=lose)
    assert view.contributions == ()
    assert "a sum of 1 client would show" in view.rejections[0].reason
    assert not view.total.any()


@pytest.mark.parametrize("scheme", ["bfv", "ckks"])
def test_clients_without_weight_are_no_company_for_a_single_one(scheme):
    view = a_run(Homomorphic(scheme=scheme), weights={0: 0.0, 1: 1.0, 2: 0.0}).collect()
    assert view.contributions == ()
    assert {"a sum of 1 client would show that client's update" in one.reason for one in view.rejections} == {True}
    assert not view.total.any()
    assert len(a_run(Homomorphic(scheme=scheme), weights={0: 0.0, 1: 0.5, 2: 0.5}).collect().contributions) == 3


def decrypted(reply_of):
    def tamper(request, reply):
        return reply_of(reply) if request.phase == "decrypt" else reply

    return tamper


@pytest.mark.parametrize(
    ("reply_of", "reason"),
    [
        (lambda reply: Reply(0, error="gone"), "did not decrypt: gone"),
        (lambda reply: Reply(0, {}), "another size"),
        (lambda reply: Reply(0, {"total": reply.fields["total"][:-4]}), "another size"),
        (lambda reply: Reply(0, {"total": np.full(10, 2**30, "<i4").tobytes()}), "out of range"),
        (lambda reply: Reply(0, {"total": np.full(10, -(2**31), "<i4").tobytes()}), "out of range"),
    ],
)
def test_without_a_usable_sum_the_round_is_lost_and_says_why(reply_of, reason):
    view = a_run(Homomorphic()).collect(tamper=decrypted(reply_of))
    assert view.contributions == ()
    assert not view.total.any()
    assert [r.client for r in view.rejections] == [0, 1, 2]
    assert all(r.reason.startswith("the round has no sum: ") and reason in r.reason for r in view.rejections)


def test_another_client_neither_makes_keys_nor_decrypts():
    run = a_run(Homomorphic())
    run.collect()
    for request in run.requests:
        if request.phase in ("keys", "decrypt"):
            stranger = type(request)(1, request.phase, request.fields)
            assert run.answer(stranger, 1).error in ("client 1 is not the key holder", "client 1 holds no secret key")


def test_a_swapped_context_is_refused_by_the_key_holder_and_in_updates():
    run = a_run(Homomorphic())
    other = a_run(Homomorphic())
    context = next(r for r in other.requests if r.phase == "context" and r.client == 0)
    assert "not the context the key holder made" in run.answer(context, 0).error
    run.material = other.material
    assert {r.reason for r in run.collect().rejections} == {
        f"client {client} keeps another encryption context" for client in WEIGHTS
    }


def test_a_run_needs_its_key_holder():
    with pytest.raises(RunFailed, match="there is no client 9"):
        a_run(Homomorphic(key_holder=9))


def test_keys_that_do_not_load_fail_the_run():
    run = a_run(Homomorphic())
    for reply, reason in [
        (Reply(0, error="asleep"), "asleep"),
        (Reply(0, {"context": "text"}), "no context in its reply"),
        (Reply(0, {"context": b"rubbish"}), "is not an encryption context"),
        (Reply(0, {"context": run.secrets[0]["homomorphic.secret"]}), "more than 131072"),
    ]:
        with pytest.raises(RunFailed, match=reason):
            run.drive(run.protection.prepare("a-run", [0, 1, 2]), 0, lambda _, __, reply=reply: reply)


@pytest.mark.parametrize("parameters", [8192, 3 * 8192, 39_760, 1_000_000])
def test_bfv_uploads_are_about_twice_the_plain_ones(parameters):
    assert Homomorphic().upload_bytes(parameters) <= 2.1 * 4 * parameters


def test_padding_costs_most_for_small_models():
    # A ciphertext holds 8,192 parameters: one more begins another 64 KiB.
    assert Homomorphic().upload_bytes(8193) / (4 * 8193) == pytest.approx(4.0, rel=0.01)
    assert Homomorphic(scheme="ckks").upload_bytes(39_760) / (4 * 39_760) == pytest.approx(8.24, rel=0.01)
