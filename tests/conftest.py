"""One thread for torch: on tensors this small a second one only waits, and on a busy machine it does so for long."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
