"""What a picture must do to count as one."""

import numpy as np
import pytest
import torch

from layercensus.visualise.score import _Measured, _status

IMAGE = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
DATA = np.linspace(0, 10, 100, dtype=np.float32)


@pytest.mark.parametrize(
    ("value", "kept", "data_kept", "status"),
    [
        (11.0, 0.9, 0.8, ""),
        (9.9, 0.9, 0.8, "failed: the best example excites it more"),  # above the 95th percentile, and yet weaker
        (9.0, 0.9, 0.8, "failed: 10 % of the examples excite it at least as much"),
        (11.0, 0.45, 0.8, ""),  # half of what the best example keeps is .4
        (11.0, 0.35, 0.8, "failed: only 35% of the activation is left when the image is changed a little"),
        (11.0, 0.35, -0.2, "failed: only 35% of the activation is left when the image is changed a little"),
        (11.0, 0.0, 0.0, "failed: only 0% of the activation is left when the image is changed a little"),
        (11.0, 0.6, -0.2, ""),
    ],
)
def test_a_picture_is_held_against_the_best_example(value: float, kept: float, data_kept: float, status: str) -> None:
    assert _status(_Measured(IMAGE, value, kept, data_kept, DATA, None)) == status
