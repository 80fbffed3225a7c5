"""Homomorphic aggregation: clients encrypt, the server adds what it cannot read, one client decrypts the sum.

Phases: "keys" (the key holder makes a key pair and gives away the public context), "context" (every client gets it),
then each round `UPDATE` (encrypted, signed uploads, added one by one) and "decrypt" (the key holder opens the sum).

**Guarantee.** The server, following the protocol, learns the sum of a round and no single update; anyone without the
key holder's secret learns nothing from uploads (IND-CPA under ring learning with errors, 128 bits).

**What it does not give.**
- There is one key. The key holder can read every single upload it gets hold of, and the server together with the key
  holder reads everybody. The server must relay the context and the sums faithfully: one that swaps the context for its
  own, or has a single upload decrypted as a "sum", reads updates. The key holder refuses sums to which only one
  client is said to have added anything, but it cannot see whether the server says the truth: the server is taken to be
  honest but curious.
- What the key holder sends, the context and the sums, is checked for form and range but carries no signature: that it
  comes from the key holder is the transport's to guarantee.
- The sum is released, and a sum of two tells each of the two the other's update.
- A registered client can encrypt what it likes. Rubbish is almost surely seen, by the padding or by the sum's range (a
  full ciphertext of random slots passes with probability e^-63), but nobody sees whose it was: the round has no sum,
  and the run ends. Well-chosen values are not seen: nothing holds a client to its weight or to the shared clip, only
  the sum to the whole range.
- Whether a sum decrypts is an oracle. A registered client that adds an error of its choice to its ciphertext learns
  from a failure a bit about the secret key: a reaction attack (on ring-LWE keys that are used again Fluhrer 2016, IACR
  2016/085; from decryption failures of BFV Checri, Sirdey, Boudguiga and Bultel, CRYPTO 2024). A failure ends the run,
  and every run has a key of its own, so that costs one run a bit; but whoever resumes the failed run grants another
  try at the same key.
- A sum that decrypts can carry more of the key. In one slot a client can add a number of its choice times the key's own
  value there, 40 bits in "bfv", which passes for a sum 98 times in 100 and is read by whoever knows what the others
  added in that slot. All 4,096 slots give the key, and some sixty are to be had before a failure ends the run.
- A run that is resumed in the middle of a round plays it again, and all its clients are as they were before it: the key
  holder does not know that it has opened a sum of this round. Where a client is lost to the second attempt only, two
  sums are opened that differ by its update, and who saw both has it.

When the key holder does not answer, refuses, or returns what cannot be a sum, the round has no sum: the view is all
zeros, without contributions, and each upload is rejected with that reason. That is below any quorum, so the run ends
with the round. It goes on, without an update, only where budgets and dropouts left a single client to train: that sum
is not opened at all. Without a key holder at the start there is no run.
"""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from privacy import ciphertexts, fixed_point
from privacy.contexts import SchemeName, load_public, new_context
from privacy.envelopes import OVERHEAD_BYTES
from privacy.errors import PolicyRefused, Rejected, RunFailed
from privacy.fixed_point import Integers
from privacy.parameters import Parameters
from privacy.protections import uploads
from privacy.protections.protocol import (
    UPDATE,
    Answer,
    ClientSide,
    Cohort,
    Exchange,
    Fields,
    Quantity,
    Reply,
    Request,
    Value,
)
from privacy.view import Contribution, Rejection, View, by_client

_SECRET = "homomorphic.secret"
_PUBLIC = "homomorphic.context"
_CLIENTS = "homomorphic.clients"
_SUM_BYTES = 4


class Homomorphic(Parameters):
    """`protection = { kind = "homomorphic", scheme = "bfv", value_range = 1.0, key_holder = 0 }`."""

    kind: Literal["homomorphic"] = "homomorphic"
    scheme: SchemeName = "bfv"
    """The encryption: exact integers, or approximate numbers that are rounded before they are shared."""
    value_range: Annotated[float, Field(gt=0, le=uploads.LARGEST_MAGNITUDE)] = 1.0
    """The clip that all clients share: each coordinate of an update saturates at plus or minus this."""
    key_holder: Annotated[int, Field(ge=0)] = 0
    """The number of the client that holds the secret key."""

    @property
    def hides_updates(self) -> bool:
        """The server learns sums only."""
        return True

    @property
    def trust(self) -> str:
        """Who could read what."""
        return (
            f"The server sees sums only, if it follows the protocol. Client {self.key_holder} holds the only key: it "
            "can read every upload it gets hold of, and together with the server it reads everybody's updates."
        )

    def answers(self) -> Mapping[str, Answer]:
        """The client's half; only the key holder is asked for "keys" and "decrypt"."""
        return {
            "keys": functools.partial(_make_keys, self),
            "context": functools.partial(_keep_context, self),
            UPDATE: functools.partial(_send_update, self),
            "decrypt": functools.partial(_decrypt_sum, self),
        }

    def carries(self) -> Mapping[str, Quantity]:
        """Uploads and sums; which of them are encrypted is for an audit to see, not for this table to say."""
        return {
            "keys.context": "public keys",
            "context.context": "public keys",
            f"{UPDATE}.envelope": "single updates",
            f"{UPDATE}.saturated": "clipped coordinates",
            "decrypt.sum": "sum of updates",
            "decrypt.total": "sum of updates",
        }

    def upload_bytes(self, parameters: int) -> int:
        """64 KiB for each 8,192 parameters begun (bfv) or 2,048 (ckks), and the envelope."""
        return _body_bytes(self, parameters) + OVERHEAD_BYTES

    def prepare(self, run: str, clients: Sequence[int]) -> Exchange[bytes]:
        """Have keys made and hand out the public context, which is returned. Raises RunFailed without a usable one."""
        if self.key_holder not in clients:
            raise RunFailed(f"protection.key_holder: there is no client {self.key_holder}; name one of the clients")
        if len(clients) > fixed_point.MAX_CLIENTS:
            raise RunFailed(f"homomorphic sums are exact for {fixed_point.MAX_CLIENTS} clients, not {len(clients)}")
        [reply] = yield [Request(self.key_holder, "keys", {"clients": len(clients)})]
        context = reply.fields.get("context")
        if reply.error or not isinstance(context, bytes):
            raise RunFailed(f"key holder {self.key_holder} made no keys: {reply.error or 'no context in its reply'}")
        try:
            load_public(self.scheme, context)
        except Rejected as reason:
            raise RunFailed(f"key holder {self.key_holder} made no usable keys: {reason}") from reason
        # A client that misses this is rejected in each of its rounds: it has no context to encrypt under.
        yield [Request(client, "context", {"context": context}) for client in clients]
        return context

    def collect(self, cohort: Cohort, material: bytes) -> Exchange[View]:
        """Add the uploads as they are opened, then have the sum decrypted."""
        context_hash = _sha256(material)
        replies = yield uploads.requests(cohort, context_hash)
        slots = _slots(self, cohort.parameters)
        running = ciphertexts.RunningSum(self.scheme, material, ciphertexts.ciphertexts_for(self.scheme, slots))
        contributions, rejections = [], []
        for participant, reply in uploads.matched(cohort, replies):
            try:
                expected_bytes = _body_bytes(self, cohort.parameters)
                body, sent = uploads.opened(cohort, participant, reply, expected_bytes, context_hash)
                running.add(body)
            except Rejected as reason:
                rejections.append(Rejection(participant.client, str(reason)))
                continue
            contributions.append(Contribution(participant.client, participant.weight, sent))
        if not contributions:
            return View(cohort.round, np.zeros(cohort.parameters, np.float64), (), by_client(rejections))
        # Whoever has no weight adds zeros, and everybody knows it: that is no company to be hidden among.
        contributors = sum(one.weight > 0 for one in contributions)
        if not contributors:
            known = np.zeros(cohort.parameters, np.float64)
            return View(cohort.round, known, by_client(contributions), by_client(rejections))
        fields: dict[str, Value] = {
            "sum": running.to_bytes(),
            "contributors": contributors,
            "parameters": cohort.parameters,
            "context": context_hash,
        }
        [reply] = yield [Request(self.key_holder, "decrypt", fields)]
        try:
            total = _checked_sum(reply, cohort.parameters, contributions)
        except Rejected as reason:
            rejections += [Rejection(c.client, f"the round has no sum: {reason}") for c in contributions]
            return View(cohort.round, np.zeros(cohort.parameters, np.float64), (), by_client(rejections))
        decoded = fixed_point.decode(total, self.value_range)
        return View(cohort.round, decoded, by_client(contributions), by_client(rejections))


def _checked_sum(reply: Reply, parameters: int, contributions: Sequence[Contribution]) -> Integers:
    """The key holder's integers. Raises Rejected unless they can be the sum of these contributions."""
    if reply.error:
        raise Rejected(f"the key holder did not decrypt: {reply.error[:200]}")
    decrypted = reply.fields.get("total")
    if not isinstance(decrypted, bytes) or len(decrypted) != _SUM_BYTES * parameters:
        raise Rejected("the key holder's sum has another size")
    total = np.frombuffer(decrypted, dtype="<i4").astype(np.int64)
    _check_range(total, sum(c.weight for c in contributions), len(contributions))
    return total


def _check_range(total: Integers, weight: float, clients: int) -> None:
    if total.size and int(np.abs(total).max()) > fixed_point.largest_sum(weight, clients):
        raise Rejected("the decrypted sum is out of range: an upload did not hold what it should")


def _make_keys(protection: Homomorphic, side: ClientSide, fields: Fields) -> tuple[Fields, Mapping[str, bytes]]:
    if side.client != protection.key_holder:
        raise PolicyRefused(f"client {side.client} is not the key holder")
    secret, public = new_context(protection.scheme)
    clients = str(_whole(fields, "clients")).encode()
    return {"context": public}, {**side.secrets, _SECRET: secret, _PUBLIC: public, _CLIENTS: clients}


def _keep_context(protection: Homomorphic, side: ClientSide, fields: Fields) -> tuple[Fields, Mapping[str, bytes]]:
    context = _bytes(fields, "context")
    if _SECRET in side.secrets and context != side.secrets[_PUBLIC]:
        raise Rejected("this is not the context the key holder made")
    load_public(protection.scheme, context)
    return {}, {**side.secrets, _PUBLIC: context}


def _send_update(protection: Homomorphic, side: ClientSide, fields: Fields) -> tuple[Fields, Mapping[str, bytes]]:
    """Quantise, encrypt and sign. "saturated" says how many coordinates the shared clip changed."""
    update = uploads.checked(uploads.update_of(side, fields), fields.get("parameters"))
    context = _own_context(side, fields)
    integers, saturated = fixed_point.quantise(update, side.weight, protection.value_range)
    slots = fixed_point.pack(integers) if protection.scheme == "bfv" else integers
    body = ciphertexts.encrypt(protection.scheme, context, slots)
    return {"envelope": uploads.signed(side, body, _sha256(context)), "saturated": saturated}, side.secrets


def _decrypt_sum(protection: Homomorphic, side: ClientSide, fields: Fields) -> tuple[Fields, Mapping[str, bytes]]:
    """Decrypt a sum to which at least two clients added anything, or the only one there is."""
    if _SECRET not in side.secrets:
        raise PolicyRefused(f"client {side.client} holds no secret key")
    _own_context(side, fields)
    contributors, parameters = _whole(fields, "contributors"), _whole(fields, "parameters")
    if contributors < 2 and int(side.secrets[_CLIENTS]) > 1:
        raise PolicyRefused(f"a sum of {contributors} client would show that client's update")
    if contributors > fixed_point.MAX_CLIENTS:
        raise Rejected(f"a sum of {contributors} clients is not exact")
    encrypted, slots = _bytes(fields, "sum"), _slots(protection, parameters)
    values = ciphertexts.decrypt(protection.scheme, side.secrets[_SECRET], encrypted, slots)
    total = fixed_point.unpack(values, parameters) if protection.scheme == "bfv" else values
    _check_range(total, 1.0, contributors)
    return {"total": total.astype("<i4").tobytes()}, side.secrets


def _own_context(side: ClientSide, fields: Fields) -> bytes:
    """The context this client keeps. Raises Rejected where it has none or is asked to use another."""
    context = side.secrets.get(_PUBLIC)
    if context is None:
        raise Rejected(f"client {side.client} was never given an encryption context")
    if _sha256(context) != fields.get("context"):
        raise Rejected(f"client {side.client} keeps another encryption context")
    return context


def _slots(protection: Homomorphic, parameters: int) -> int:
    if protection.scheme == "ckks":
        return parameters
    return -(-parameters // fixed_point.FIELDS_PER_SLOT)


def _body_bytes(protection: Homomorphic, parameters: int) -> int:
    slots = _slots(protection, parameters)
    return ciphertexts.CIPHERTEXT_BYTES * ciphertexts.ciphertexts_for(protection.scheme, slots)


def _bytes(fields: Fields, name: str) -> bytes:
    value = fields.get(name)
    if not isinstance(value, bytes):
        raise Rejected(f"the request has no {name}")
    return value


def _whole(fields: Fields, name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Rejected(f"the request has no {name}")
    return value


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
