"""What all protections do with an upload: the client checks its update and signs, the server opens and checks."""

from collections.abc import Iterable, Iterator

import numpy as np

from privacy import envelopes
from privacy.envelopes import NO_CONTEXT, Binding
from privacy.errors import Rejected
from privacy.protections.protocol import UPDATE, ClientSide, Cohort, Fields, Participant, Reply, Request, Value
from privacy.view import Vector

LARGEST_MAGNITUDE = 1e6
"""No coordinate of an update may exceed this: far beyond any useful step, and sums of thousands stay finite."""

_LONGEST_REASON = 200


def requests(cohort: Cohort, context: bytes = NO_CONTEXT) -> list[Request]:
    """Ask each participant for its update: of how many parameters, and bound to which context."""
    fields: dict[str, Value] = {"parameters": cohort.parameters, "context": context}
    return [Request(participant.client, UPDATE, fields) for participant in cohort.participants]


def matched(cohort: Cohort, replies: Iterable[Reply]) -> Iterator[tuple[Participant, Reply]]:
    """Each reply as it comes in, with the participant it is of."""
    participants = {participant.client: participant for participant in cohort.participants}
    for reply in replies:
        if reply.client in participants:
            yield participants[reply.client], reply


def update_of(side: ClientSide, fields: Fields) -> Vector:
    """The client's update as float32[d]. Raises Rejected where it is missing or of another size than asked for."""
    if side.update is None:
        raise Rejected("there is no update to send")
    return _sized(side.update, fields.get("parameters"))


def checked(update: Vector, parameters: object) -> Vector:
    """Raise Rejected unless the update is a finite vector of `parameters` coordinates of at most 1e6 in magnitude."""
    _sized(update, parameters)
    # A sum of squares this small has no coordinate too large in it, and neither NaN nor infinity: one quick pass.
    with np.errstate(over="ignore", invalid="ignore"):
        if float(np.dot(update, update)) <= LARGEST_MAGNITUDE**2:
            return update
    if not np.isfinite(update).all():
        raise Rejected("update holds NaN or infinity")
    if float(np.abs(update).max()) > LARGEST_MAGNITUDE:
        raise Rejected(f"update has a coordinate beyond {LARGEST_MAGNITUDE:g}")
    return update


def _sized(update: Vector, parameters: object) -> Vector:
    if update.shape != (parameters,):
        raise Rejected(f"update has shape {update.shape}, not ({parameters},)")
    return update


def signed(side: ClientSide, body: bytes | memoryview, context: bytes = NO_CONTEXT) -> bytes:
    """Seal a client's body with its signing key."""
    return envelopes.seal(
        side.secrets["signing_key"], Binding(side.run, side.round, side.client, side.weight, context), body
    )


def opened(
    cohort: Cohort, participant: Participant, reply: Reply, body_bytes: int, context: bytes = NO_CONTEXT
) -> tuple[memoryview, int]:
    """The body of a participant's reply and the bytes of its envelope. Raises Rejected with the reason."""
    if reply.error:
        raise Rejected(reply.error[:_LONGEST_REASON])
    envelope = reply.fields.get("envelope")
    if reply.client != participant.client or not isinstance(envelope, bytes):
        raise Rejected("reply holds no envelope of this client")
    binding = Binding(cohort.run, cohort.round, participant.client, participant.weight, context)
    return envelopes.open_envelope(envelope, participant.public_key, binding, body_bytes), len(envelope)
