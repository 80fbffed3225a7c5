"""The key-recovery attack: does sharing decrypted sums give the secret key away?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from privacy.protections import Homomorphic
from scenarios.audits.audit import Audit

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class KeyRecovery(Audit):
    """`kind = "key-recovery"`: solve for the secret key from two sums and their decryptions (IACR 2020/1533).

    The mathematics is `privacy.audits.key_recovery`. A run keeps neither ciphertexts nor anything unrounded, so the
    attack makes a small exchange of its own with the run's scheme.
    """

    kind: Literal["key-recovery"] = "key-recovery"

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """There must be a key."""
        if not isinstance(scenario.protection, Homomorphic):
            yield "kind", 'there is no key to recover; needs protection.kind = "homomorphic"'
