"""PSNR and SSIM on cases that can be worked out by hand."""

import math

import numpy as np
import pytest

from privacy.audits import likeness


def test_an_error_of_a_tenth_everywhere_is_20_db():
    assert likeness.psnr(np.full(9, 0.6), np.full(9, 0.5)) == pytest.approx(20.0)


def test_an_error_of_one_in_a_hundred_pixels_is_20_db():
    one = np.zeros(100)
    one[7] = 1.0
    assert likeness.psnr(one, np.zeros(100)) == pytest.approx(20.0)


def test_the_same_is_exact():
    assert likeness.psnr(np.ones(4), np.ones(4)) == likeness.MOST_DB
    assert likeness.psnr(np.ones(4), np.ones(4) + 1e-9) == likeness.MOST_DB


@pytest.mark.parametrize("side", [28, 11, 8, 3])
def test_ssim_of_flat_pictures_is_that_of_their_brightness(side):
    dark, light, c1 = 0.2, 0.6, 0.01**2
    expected = (2 * dark * light + c1) / (dark**2 + light**2 + c1)
    assert likeness.ssim(np.full((side, side), dark), np.full((side, side), light)) == pytest.approx(expected)


def test_ssim_of_the_same_picture_is_one_and_of_its_negative_below_zero():
    picture = np.random.default_rng(1).integers(0, 2, (28, 28)).astype(float)
    assert likeness.ssim(picture, picture) == pytest.approx(1.0)
    assert likeness.ssim(1.0 - picture, picture) < 0.0


def test_a_picture_of_two_pixels_has_no_structure():
    with pytest.raises(ValueError, match="no structure"):
        likeness.ssim(np.zeros((2, 2)), np.zeros((2, 2)))


def test_each_record_is_compared_with_the_one_most_like_it():
    true = np.array([[0.0, 0.0], [1.0, 1.0], [0.9, 0.5]])
    psnr, which = likeness.closest(np.array([[1.0, 0.9], [0.1, 0.0]]), true)
    assert which.tolist() == [1, 0, 0]
    assert psnr[:2] == pytest.approx([10 * math.log10(2 / 0.01)] * 2)


def test_there_must_be_something_to_compare_with():
    with pytest.raises(ValueError, match="nothing was rebuilt"):
        likeness.closest(np.empty((0, 2)), np.zeros((1, 2)))


def test_the_interval_of_a_mean_is_students():
    width = 2.776445 * math.sqrt(2.5 / 5)
    assert likeness.mean_between(np.arange(1.0, 6.0), 0.95) == pytest.approx((3.0, 3.0 - width, 3.0 + width))


@pytest.mark.parametrize("values", [[4.0], [1.0, 2.0, 3.0, 4.0], [100.0] * 8])
def test_few_values_and_equal_ones_have_no_interval(values):
    assert likeness.mean_between(np.array(values), 0.95) == (np.mean(values), None, None)
