"""A third of transformers' families of texts: counted, with the means that single examples have."""

import pytest

pytest.importorskip("transformers")
from tests.zoo.third import TEXTS, Clock, Family, cases

CLOCK = Clock()


@pytest.mark.parametrize("family", cases(TEXTS))
def test_a_family_is_counted_with_the_right_numbers(family: Family) -> None:
    CLOCK.count(family)
