"""Whether a layer's number is a count, a bound, or no evidence at all."""

from __future__ import annotations

from collections.abc import Mapping

from ..layers.layer import Layer
from ..tally import Panel
from .findings import FEW, number_of

COUNT = "count"  # the status of a number that is what it says


def status(layer: Layer, panel: Panel, classes: int, of_model: int = 0) -> str:
    """ "count", or in words why the number is less than that.

    classes: how many the labels speak of. of_model: how many the model names. A last layer of that many units has a
    unit for each class; one of another width need not be about classes at all.
    """
    about_classes = layer.width > 2 and layer.width in (classes, of_model)
    if about_classes and layer.role == "output" and layer.kind.endswith("Linear") and len(layer.shape) == 1:
        shown = classes_shown(panel, classes)
        if shown < layer.width:
            show = "shows" if len(panel) == 1 else "show"
            return (
                f"bound by the data: the {number_of(len(panel), 'example')} of the panel {show} {shown} of "
                f"{layer.width:,} classes, "
                "so it is no count of the classes that the layer knows"
            )
    if len(panel) < FEW:
        return f"too few examples: {len(panel)} in the panel, {FEW} are needed"
    return COUNT


def dimension_status(row: Mapping[str, float]) -> str:
    """ "estimate", or in words why the nonlinear dimension is less, or none; "" where it was not asked for."""
    if "twonn" in row:
        if max(row["twonn"], row["mle"]) > row["dimension_ceiling"]:
            return f"lower bound: above {row['dimension_ceiling']:.0f} these examples are too few"
        return "estimate" if "gride" in row else "estimate; it depends on the scale, and no scale is a plateau"
    return "not applicable: constant, discrete, or too few examples that differ" if "repeated" in row else ""


def classes_shown(panel: Panel, classes: int) -> int:
    """How many classes the examples show: by label where given, else by the class with the highest response."""
    if classes:
        return len(panel.label[panel.label >= 0].unique())  # type: ignore[no-untyped-call]
    return len(panel.mean.argmax(1).unique()) if len(panel) else 0  # type: ignore[no-untyped-call]
