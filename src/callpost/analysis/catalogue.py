"""The classifiers and detectors that come with callpost, by name and identifier.

Source: docs/how-to-guides/predictions.md and pci-ssn-pii-detection.md. The identifiers are fixed: customers
may keep them in their configurations.
"""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5


@dataclass(frozen=True, slots=True)
class Model:
    """classes: (value, label) of each. type: binary or multiclass. languages: as BCP 47 tags begin."""

    id: str
    name: str
    display_name: str
    type: str
    classes: tuple[tuple[int, str], ...]
    languages: tuple[str, ...] = ("en",)
    version: str = "1.0"


def _model(
    kind: str,
    name: str,
    display_name: str,
    classes: tuple[tuple[int, str], ...],
    languages: tuple[str, ...] = ("en",),
) -> Model:
    identifier = str(uuid5(NAMESPACE_URL, f"callpost:{kind}:{name}"))
    kind_of_model = "binary" if len(classes) <= 2 else "multiclass"
    return Model(identifier, name, display_name, kind_of_model, classes, languages)


CLASSIFIERS = (
    _model("classifier", "sentiment", "Sentiment", ((0, "negative"), (1, "neutral"), (2, "positive"))),
    _model("classifier", "voicemail", "Voicemail", ((0, "conversation"), (1, "voicemail"))),
)

DETECTORS = (
    _model("detector", "PCI", "Payment card data", ((1, "pci"),)),
    _model("detector", "SSN", "Social security numbers", ((1, "ssn"),)),
    _model("detector", "Number", "Numbers", ((1, "number"),), ("en", "es")),
    _model("detector", "PII", "Personal data", ((1, "pii"),)),
    _model("detector", "PCI-Spanish", "Payment card data", ((1, "pci"),), ("es",)),
    _model("detector", "SSN-Spanish", "Social security numbers", ((1, "ssn"),), ("es",)),
)


def find(models: tuple[Model, ...], name_or_id: str) -> Model | None:
    """By identifier or by name, however it is capitalized."""
    wanted = name_or_id.casefold()
    return next((model for model in models if wanted in {model.id, model.name.casefold()}), None)
