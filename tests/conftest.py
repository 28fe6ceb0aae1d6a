"""One thread for torch: test files run side by side, and on tensors this small a second thread only waits."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
