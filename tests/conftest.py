"""One thread for torch: test files run side by side, and on tensors this small a second thread only waits.

`LAYERCENSUS_MKLDNN=0` runs the tests without oneDNN, which rounds otherwise; torch reads no variable for that.
`LAYERCENSUS_SLOW=1` runs every test; without it those of SLOW, which take some fifth of the time, are left out.
"""

import os
from collections.abc import Iterator

os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

if os.environ.get("LAYERCENSUS_MKLDNN") == "0":
    torch.backends.mkldnn.enabled = False

# By how their addresses end: each has a sister that asks the same of another net, seed, signal or kind of file.
SLOW = (
    "test_real.py::test_minilm_on_a_text_file",
    "test_trained.py::test_what_wide_students_share_is_what_the_teacher_has_and_what_one_holds_is_more",
    "test_float64.py::test_a_float64_net_takes_some_twice_the_memory_of_the_same_net_in_float32",
    "test_pages.py::test_a_large_census_stays_within_the_budgets",
    "test_files.py::test_commands_that_draw[merging]",
    "test_files.py::test_commands_that_draw[report]",
    "test_a_planted_course_is_answered_rightly_or_not_at_all[constant]",
    "test_a_planted_course_is_answered_rightly_or_not_at_all[width alone]",
    "test_the_count_goes_on_where_it_stopped[15-143]",
    "test_every_preset_makes_pictures_that_excite_the_unit[nguyen2016]",
    "test_every_preset_makes_pictures_that_excite_the_unit[nguyen2016b]",
    "test_the_twin_of_a_stream_is_calibrated_the_same_in_any_batches[7]",
    "test_the_twin_of_a_stream_is_calibrated_the_same_in_any_batches[32]",
    "test_the_planted_counts_come_back_in_at_least_19_of_20_seeds[bf16-token]",
    "test_the_planted_counts_come_back_in_at_least_19_of_20_seeds[bf16-linear]",
    "test_the_planted_counts_come_back_in_at_least_19_of_20_seeds[fp32-linear]",
    "test_lab.py::test_an_interrupt_loses_nothing",
    "test_see.py::test_interrupt_keeps_what_is_finished",
    "test_every_shape_can_be_asked_drawn_saved_and_compared[all dead]",
    "test_every_shape_can_be_asked_drawn_saved_and_compared[width 1]",
)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Two of torch's threads for a test; as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is slow, unless it is asked for."""
    if os.environ.get("LAYERCENSUS_SLOW") != "1":
        for item in items:
            if item.nodeid.endswith(SLOW):
                item.add_marker(pytest.mark.skip(reason="slow: LAYERCENSUS_SLOW=1 runs it"))
