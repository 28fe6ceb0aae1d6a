"""Scores of whole runs: the second best example is no success, sizes differ, and far off the data is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercensus.data.open import open_data
from layercensus.models.open import open_model
from layercensus.visualise.distance import distances
from layercensus.visualise.objectives import neuron
from layercensus.visualise.options import SeeOptions
from layercensus.visualise.responses import respond
from layercensus.visualise.score import score
from layercensus.visualise.see import subject_of
from layercensus.visualise.subject import Subject

from .patterns import Planted, colourful, see

IMAGES = colourful(50, 32)


@pytest.fixture
def subject() -> Subject:
    return subject_of(open_model(Planted()), open_data(IMAGES), SeeOptions(progress=False))


def test_weaker_than_the_best_example_is_no_success(subject: Subject) -> None:
    """The second best of 50 examples, taken for an image: above 96 %, and yet no success."""
    objective = neuron("act", 1)
    responses = respond(subject.net, subject.layers, [objective], subject.batches)
    first, second = responses.top(0, 2)
    images = torch.stack(subject.best([second]))
    got = score(subject, [objective], images, responses=responses, best=subject.best([first]))[0]
    assert got.percentile == 96
    assert got.status == "failed: the best example excites it more"


def test_the_best_example_is_read_at_its_own_size() -> None:
    own = see(Planted(), "act:1", IMAGES, steps=2, top=0).scores["data_kept"][0]
    other = see(Planted(), "act:1", IMAGES, steps=2, top=0, size=48).scores["data_kept"][0]
    assert own > 0
    assert other == own


def test_off_the_data(subject: Subject) -> None:
    with torch.no_grad():
        means = subject.net(IMAGES).mean((2, 3)).double().numpy()
        checker = ((torch.arange(32)[:, None] + torch.arange(32)) % 2).float().expand(1, 3, 32, 32)
        own = subject.net(checker).mean((2, 3)).double().numpy()
    far = [np.sqrt((((x - means.mean(0)) / means.std(0)) ** 2).mean(1)) for x in (own, means)]
    got = distances(subject, ["act"], checker)[0]
    assert got == pytest.approx(float(far[0][0] / far[1].max()), rel=1e-3)
    note = score(subject, [neuron("act", 4)], checker)[0].note
    assert note.startswith("off the data") is (got >= 2)
    assert got > 2
    furthest = int(far[1].argmax())
    assert distances(subject, ["act"], IMAGES[furthest : furthest + 1])[0] == pytest.approx(1, rel=1e-3)
