"""A third of transformers' families of pictures, sounds and pairs: counted, with the means of single examples."""

import pytest

pytest.importorskip("transformers")
from tests.zoo.third import OTHERS, Clock, Family, cases

CLOCK = Clock()


@pytest.mark.parametrize("family", cases(OTHERS))
def test_a_family_is_counted_with_the_right_numbers(family: Family) -> None:
    CLOCK.count(family)
