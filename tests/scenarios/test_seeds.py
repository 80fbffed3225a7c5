import hashlib

import numpy as np
import torch

from scenarios.seeds import stream, torch_stream


def test_a_stream_is_known_by_its_name_alone():
    one = stream(7, "client", 3, "round", 7, "noise").random(4)
    stream(7, "something else").random(100)
    assert stream(7, "client", 3, "round", 7, "noise").random(4).tolist() == one.tolist()


def test_names_are_told_apart():
    names = [("a", "b"), ("ab",), ("a", 1), ("a", "1"), (1, "a"), ("a",), ()]
    drawn = {stream(7, *name).bytes(8) for name in names} | {stream(8, "a").bytes(8)}
    assert len(drawn) == len(names) + 1


def test_torch_draws_from_the_words_of_the_name():
    # torch's 64-bit draws are pairs of the Twister's words, the low half second.
    digest = hashlib.shake_256(b"seed:7\x1fstr:noise").digest(4 * 624)
    twister = np.random.MT19937()
    twister.state = {"bit_generator": "MT19937", "state": {"key": np.frombuffer(digest, "<u4"), "pos": 624}}
    drawn = torch.empty(1000, dtype=torch.int64).random_(0, 2**32, generator=torch_stream(7, "noise"))
    assert drawn.tolist() == twister.random_raw(2000)[1::2].tolist()


def test_torch_streams_differ_where_manual_seed_would_not():
    # A torch generator keeps 32 bits of its seed: seeds that agree in them would share all their noise.
    streams = [torch_stream(seed, "noise") for seed in (5, 5 + 2**32, 5 + 2**40)]
    assert len({tuple(torch.randn(4, generator=one).tolist()) for one in streams}) == 3


def test_a_named_torch_stream_is_normal():
    drawn = torch.randn(200_000, generator=torch_stream(3, "x"))
    assert abs(float(drawn.mean())) < 0.01
    assert abs(float(drawn.std()) - 1) < 0.01
