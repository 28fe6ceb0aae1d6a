"""Claims are judged by the numbers."""

import copy

import pytest

from layercensus.labs.cdbn.claims import claims


def rows(name, areas, rises):
    return [
        {"class": name, "net": "trained", "layer": n, "area": area, "rise": rise}
        for n, (area, rise) in enumerate(zip(areas, [None, *rises], strict=True), 1)
    ]


@pytest.fixture
def results():
    up, sure = (0.3, 0.5, 0.7), [(0.1, 0.3), (0.1, 0.3)]
    return {
        "natural": {"gabor": 0.9, "edges": 0.9, "untrained": {"gabor": 0.1, "edges": 0.1}}
        | {"r2": [0.9] * 10, "activity": 0.0021, "target": 0.002},
        "objects": [
            {
                "set": "things",
                "classes": list("abc"),
                "specificity": [row for name in "abc" for row in rows(name, up, sure)],
            }
        ],
        "digits": {
            "table": [
                {"features": name, "labels": n, "mean": error}
                for name, error in (
                    ("CDBN", 0.1), ("raw pixels", 0.2), ("filters of noise", 0.15),
                    ("CDBN, RBF", 0.08), ("raw pixels, RBF", 0.09), ("filters of noise, RBF", 0.1),
                ) for n in (100, 300)
            ],
            "completion": [
                {"half": "left", "low": 0.01, "high": 0.03, "gain": 0.02, "with_top": 0.08, "without": 0.1}
                | {"images": 50, "average": 0.09, "sampled": 0.07, "sampled_first": 0.1, "best": "sampled"}
                | {"over_average": 0.02, "over_low": 0.01, "over_high": 0.03}
            ],
            "twin_likelier": [{"layer": 1, "below": {"their pixels shuffled": 0.5, "the left half of another": 0.5}}],
            "likelier": [{"layer": 1, "below": {"their pixels shuffled": 0.99, "the left half of another": 0.96}}],
        },
    }  # fmt: skip


def test_numbers_that_satisfy_every_claim(results):
    found = claims(results)
    assert len(found) == 11
    assert all(claim.holds for claim in found)
    assert "3 of 3 rise, 3 with both steps' intervals above 0" in found[2].evidence


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, lambda r: r["natural"].update(edges=0.79)),
        (1, lambda r: r["natural"].update(activity=0.0025)),
        (2, lambda r: r["objects"][0]["specificity"][1].update(rise=(-0.01, 0.3))),
        (3, lambda r: r["digits"]["table"][3].update(mean=0.05)),
        (4, lambda r: r["digits"]["table"][9].update(mean=0.05)),
        (5, lambda r: r["digits"]["table"][5].update(mean=0.05)),
        (6, lambda r: r["digits"]["table"][11].update(mean=0.05)),
        (7, lambda r: r["digits"]["completion"][0].update(over_low=-0.001)),
        (8, lambda r: r["digits"]["completion"][0].update(low=-0.001)),
        (9, lambda r: r["digits"]["likelier"][0]["below"].update({"their pixels shuffled": 0.94})),
        (10, lambda r: r["digits"]["likelier"][0]["below"].update({"the left half of another": 0.6})),
    ],
)
def test_one_number_that_does_not_fails_its_claim_alone(results, place, change):
    changed = copy.deepcopy(results)
    change(changed)
    assert [claim.holds for claim in claims(changed)] == [n != place for n in range(11)]


def test_what_filters_of_noise_find_likely_as_often_is_no_merit(results):
    results["digits"]["twin_likelier"][0]["below"]["their pixels shuffled"] = 0.99
    assert [claim.holds for claim in claims(results)] == [n != 9 for n in range(11)]
