"""No protection: updates travel in the clear and signed, and the server sees each of them."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from privacy.envelopes import OVERHEAD_BYTES
from privacy.errors import Rejected
from privacy.parameters import Parameters
from privacy.protections import uploads
from privacy.protections.protocol import UPDATE, Answer, ClientSide, Cohort, Exchange, Fields, Quantity
from privacy.view import Contribution, Rejection, Vector, View, by_client


class NoProtection(Parameters):
    """Plain sums. The weight is bound by the envelope and applied by the server."""

    kind: Literal["none"] = "none"

    @property
    def hides_updates(self) -> bool:
        """The server sees every update."""
        return False

    @property
    def trust(self) -> str:
        """Who could read what."""
        return "The server reads every client's update and must be trusted with all of them."

    def answers(self) -> Mapping[str, Answer]:
        """One phase: the update."""
        return {UPDATE: _send_update}

    def carries(self) -> Mapping[str, Quantity]:
        """The update itself."""
        return {f"{UPDATE}.envelope": "single updates"}

    def upload_bytes(self, parameters: int) -> int:
        """Four bytes a parameter and the envelope."""
        return 4 * parameters + OVERHEAD_BYTES

    def prepare(self, run: str, clients: Sequence[int]) -> Exchange[bytes]:
        """There are no keys to set up."""
        return b""
        yield []  # never reached: it makes this function a generator

    def collect(self, cohort: Cohort, material: bytes) -> Exchange[View]:
        """Open what comes in, then sum in the order of the cohort: the same uploads give the same bits."""
        replies = yield uploads.requests(cohort)
        contributions, rejections, updates = [], [], dict[int, Vector]()
        for participant, reply in uploads.matched(cohort, replies):
            try:
                body, sent = uploads.opened(cohort, participant, reply, 4 * cohort.parameters)
                updates[participant.client] = uploads.checked(_from_bytes(body), cohort.parameters)
            except Rejected as reason:
                rejections.append(Rejection(participant.client, str(reason)))
                continue
            contributions.append(Contribution(participant.client, participant.weight, sent))
        return View(cohort.round, _sum(cohort, updates), by_client(contributions), by_client(rejections), updates)


def _sum(cohort: Cohort, updates: Mapping[int, Vector]) -> npt.NDArray[np.float64]:
    total, weighted = np.zeros(cohort.parameters, np.float64), np.empty(cohort.parameters, np.float64)
    for participant in cohort.participants:
        if participant.client in updates:
            total += np.multiply(updates[participant.client], participant.weight, out=weighted, dtype=np.float64)
    return total


def _send_update(side: ClientSide, fields: Fields) -> tuple[Fields, Mapping[str, bytes]]:
    # Whether the numbers are fit to be summed is the server's to check: it has to, whatever a client says.
    update = uploads.update_of(side, fields)
    return {"envelope": uploads.signed(side, np.ascontiguousarray(update, dtype="<f4").data)}, side.secrets


def _from_bytes(body: memoryview) -> Vector:
    return np.frombuffer(body, dtype="<f4").astype(np.float32, copy=False)
