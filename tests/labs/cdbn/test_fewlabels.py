"""Errors by number of labels."""

import numpy as np
import pytest

from layercensus.labs.cdbn.fewlabels import divide, error, forms_of, linear, principal, radial, summary


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(4), 60)
    return rng.standard_normal((240, 12)) + 2.5 * np.eye(12)[labels], labels


def test_a_division_holds_every_class_equally_in_each_leading_part(planted):
    _, labels = planted
    found = divide(labels, 0, 40, 20)
    assert np.bincount(labels[found.training[:80]]).tolist() == [20] * 4
    assert sorted([*found.training, *found.test]) == list(range(240))
    assert not np.array_equal(found.training, divide(labels, 1, 40, 20).training)


def test_more_labels_err_less_and_choices_do_not_look_at_the_test(planted):
    rows, labels = planted
    division = divide(labels, 0, 40, 20)
    kernels = linear(forms_of("raw", rows, division.training))
    few, many = (error(kernels, labels, division.training[:n], division.test) for n in (16, 160))
    assert many["error"] < few["error"]
    mixed = labels.copy()
    mixed[division.test] = np.random.default_rng(1).permutation(labels[division.test])
    again = error(kernels, mixed, division.training[:160], division.test)
    assert (again["form"], again["penalty"]) == (many["form"], many["penalty"])
    assert again["error"] > many["error"]


def test_principal_components_come_from_the_training_rows_in_order(planted):
    rows, _ = planted
    found = principal(rows[:100], rows)
    spread = found[:100].var(0)
    assert (np.diff(spread) <= 1e-9).all()
    assert np.abs(found[:100].mean(0)).max() < 1e-9


def test_splits_are_summed_up():
    assert summary([{"error": 0.1}, {"error": 0.3}]) == pytest.approx({"mean": 0.2, "std": 0.1414}, rel=1e-3)


def test_a_radial_kernel_tells_a_ring_from_its_middle_and_a_linear_one_does_not():
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 80)
    angle = rng.uniform(0, 2 * np.pi, 160)
    rows = np.stack([np.cos(angle), np.sin(angle)], 1) * (0.3 + labels)[:, None]
    learn, test = np.arange(100), np.arange(100, 160)
    straight = error(linear(forms_of("raw", rows, learn)), labels, learn, test)["error"]
    bent = error(radial(rows, learn), labels, learn, test)["error"]
    assert bent == 0
    assert straight > 0.2


def test_a_radial_kernel_is_one_of_each_row_with_itself_and_knows_no_scale():
    rows = np.random.default_rng(0).standard_normal((30, 4))
    learn = np.arange(20)
    for one, larger in zip(radial(rows, learn).values(), radial(7 * rows + 3, learn).values(), strict=True):
        assert np.diag(one(learn, learn)) == pytest.approx(1)
        assert one(learn, learn) == pytest.approx(larger(learn, learn), rel=1e-6)
