"""One thread for torch: test files run side by side, and on tensors this small a second thread only waits.

`LAYERCENSUS_MKLDNN=0` runs the tests without oneDNN, which rounds otherwise; torch reads no variable for that.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import torch

if os.environ.get("LAYERCENSUS_MKLDNN") == "0":
    torch.backends.mkldnn.enabled = False
