"""Whether a layer's number is a count, a bound, or no evidence at all."""

from __future__ import annotations

from collections.abc import Mapping

from ..layers.layer import Layer
from ..tally import Panel
from .findings import FEW, number_of

MANY = 0.1  # of the examples with near-copies, beyond which the nearest distances are theirs
MANY_TIED = 0.5  # of the distances that repeat others, beyond which the layer is discrete
DISAGREE = 2.2  # ratio of the estimates at different scales from which on there is no one dimension
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
        unfit = _unfit(row)
        if unfit:
            return f"none: {unfit}"
        if max(row["twonn"], row["mle"]) > row["dimension_ceiling"]:
            return f"lower bound: above {row['dimension_ceiling']:.0f} these examples are too few"
        if row["scale_ratio"] > DISAGREE:
            return f"estimate; scales disagree {row['scale_ratio']:.1f} times over, as noise or uneven density has it"
        return "estimate" if "gride" in row else "estimate; it depends on the scale, and no scale is a plateau"
    return "not applicable: constant, discrete, or too few examples that differ" if "repeated" in row else ""


def _unfit(row: Mapping[str, float]) -> str:
    """Why distances between these examples speak of no dimension; "" where they may."""
    if row["near_copies"] > MANY:
        return f"{row['near_copies']:.0%} of the examples have near-copies among the others: leave these out"
    if row["tied_distances"] > MANY_TIED:
        return f"discrete: {row['tied_distances']:.0%} of the distances repeat others"
    return ""


def classes_shown(panel: Panel, classes: int) -> int:
    """How many classes the examples show: by label where given, else by the class with the highest response."""
    if classes:
        return len(panel.label[panel.label >= 0].unique())  # type: ignore[no-untyped-call]
    return len(panel.mean.argmax(1).unique()) if len(panel) else 0  # type: ignore[no-untyped-call]
