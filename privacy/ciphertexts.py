"""Additively homomorphic encryption of integer slots with TenSEAL; the only module that knows TenSEAL.

One vector is one ciphertext of two polynomials of 4,096 coefficients below a 60-bit prime. The second, 20-bit prime is
SEAL's key-switching prime, which ciphertexts never carry; addition switches no keys, so it is as small as it can be and
neither relinearisation nor Galois keys are made. 80 bits in all are well below the 109 that the HomomorphicEncryption.org
standard allows at 4,096 for 128-bit security.

- "bfv": 4,096 exact integer slots below 2^39 in magnitude.
- "ckks": 2,048 slots; an integer k travels as k / 2^19 at scale 2^54. CKKS decrypts to k / 2^19 plus noise, and handing
  out that noise gives the secret key away (Li and Micciancio 2021, IACR 2020/1533). `decrypt` therefore rounds back to
  the integers: what leaves it is the exact sum, bit for bit what BFV gives, and carries no noise to learn from.

Encryption draws from the operating system, so ciphertexts differ from run to run; decrypted sums do not.

**What travels are bare coefficients**, 65,536 bytes a vector, not TenSEAL's protobuf. Measured with TenSEAL 0.3.18: a
protobuf without ciphertexts kills the process (SIGSEGV), `sizes` beyond the slots read out of bounds or exhaust memory.
So the reader checks the length and that each coefficient is below the prime, then frames them itself in the bytes that
TenSEAL writes around the vectors of this very context. No sender chooses a byte of what TenSEAL's parser reads but
coefficients in range, and every such string of coefficients is a well-formed ciphertext.
"""

import functools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from privacy.errors import Rejected, RunFailed
from privacy.fixed_point import Integers
from privacy.key_files import check_public, secret_part

if TYPE_CHECKING:
    import tenseal
