"""Bases as pictures of the input."""

import torch

from layercensus.labs.cdbn.bases import bases, receptive
from layercensus.labs.cdbn.crbm import Crbm, Form
from layercensus.labs.cdbn.drawing import tiles, trimmed
from layercensus.labs.cdbn.nets import Stack


def stack():
    torch.manual_seed(0)
    return Stack([Crbm(Form(1, 3, 4, 2)), Crbm(Form(3, 2, 3, 2)), Crbm(Form(2, 2, 2, 1))])


def test_the_first_layers_bases_are_its_filters():
    made = stack()
    assert torch.equal(bases(made, 0), made.crbms[0].weight)


def test_a_basis_of_one_weight_is_the_filter_below_where_its_block_is():
    made = stack()
    upper = made.crbms[1].weight
    upper.zero_()
    upper[0, 2, 1, 0] = 2.0
    expected = torch.zeros(9, 9)
    expected[3:7, 1:5] = 2 * made.crbms[0].weight[2, 0]
    assert torch.allclose(bases(made, 1)[0, 0], expected)


def test_positive_parts_leave_out_negative_weights():
    made = stack()
    made.crbms[1].weight.copy_(-made.crbms[1].weight.abs())
    assert bases(made, 1, positive=True).abs().max() == 0
    assert bases(made, 1).abs().max() > 0


def test_bases_are_as_large_as_what_a_unit_sees():
    made = stack()
    for number in range(3):
        assert bases(made, number).shape[-1] == receptive(made.crbms[: number + 1])


def test_pictures_are_trimmed_and_tiled():
    pictures = torch.zeros(3, 1, 9, 9)
    pictures[:, :, 2:5, 3:8] = 1
    assert trimmed(pictures).shape == (3, 1, 3, 5)
    assert trimmed(torch.zeros(2, 1, 4, 4)).shape == (2, 1, 4, 4)
    assert tiles(pictures, 2).startswith(b"\x89PNG")
