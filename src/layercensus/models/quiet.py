"""Libraries that load models, without their talk, progress bars and warnings."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

TALKERS = ("huggingface_hub", "timm", "transformers", "datasets", "httpx", "urllib3")


@contextlib.contextmanager
def quiet(*, bars: bool = False) -> Iterator[None]:
    """Nothing is printed, logged or warned of inside; how much they talk is as before afterwards.

    bars: progress bars of downloads are still shown.
    """
    with contextlib.ExitStack() as stack:
        for name in TALKERS:
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)
        if not bars:
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield
