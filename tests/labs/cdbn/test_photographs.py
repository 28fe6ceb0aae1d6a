"""Photographs and crops of them."""

import pytest
import torch

from layercensus.errors import CensusError
from layercensus.labs.cdbn.photographs import crops, photographs
from tests.labs.cdbn.paint import painted


def test_the_users_photographs_are_read_grey_and_made_smaller(tmp_path):
    painted(tmp_path / "p", 2, (900, 60))
    found = photographs(tmp_path / "p")
    assert found.names == ("0.png", "1.png")
    assert max(found.images[0].shape) == 800
    assert 0 <= found.images[0].min() <= found.images[0].max() <= 1


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(CensusError, match=r"^images must be a folder with images\. Got none in "):
        photographs(tmp_path)


def test_crops_are_decided_by_the_generator():
    white = crops([torch.randn(30, 40), torch.randn(5, 5)], 16, 3)
    first, again = (white(torch.Generator().manual_seed(1)) for _ in range(2))
    assert first.shape == (3, 1, 16, 16)
    assert torch.equal(first, again)
    assert first.mean((2, 3)).abs().max() < 1e-6
    with pytest.raises(CensusError, match=r"^images must be at least 50 x 50 pixels\. Got none that is\.$"):
        crops([torch.zeros(49, 60)], 50, 1)
