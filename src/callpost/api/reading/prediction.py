"""prediction: classifiers, detectors, redactors (docs/how-to-guides/predictions.md, pci-ssn-pii-*.md)."""

from collections.abc import Sequence
from uuid import UUID

from callpost.analysis import catalogue
from callpost.analysis.catalogue import Model
from callpost.api.reading.document import Section
from callpost.model.configuration import DetectionLevel, DetectorRequest, Redactor, TrainedClassifier

# HTG:pci calls the parameter detectionLevel in its examples and detectorLevel in its text.
_LEVEL_NAMES = ("detectionlevel", "detectorlevel")


def classifiers(
    section: Section, language: str, trained: Sequence[TrainedClassifier]
) -> tuple[str | TrainedClassifier, ...]:
    """The classifiers asked for: by name, or of those that were trained the version that is to be used.

    trained: those versions that may be meant, the newest first. What there is not is doubted: a verdict that
    is missing is seen.
    """
    found = (_classifier(item, language, trained) for item in section.sections("classifiers"))
    return tuple(dict.fromkeys(classifier for classifier in found if classifier))


def detectors(section: Section, language: str) -> tuple[DetectorRequest, ...]:
    """The detectors asked for. One there is not is refused: what it should have redacted would go out."""
    requests = (_detector(item, language) for item in section.sections("detectors"))
    return tuple(request for request in requests if request)


def _classifier(
    section: Section, language: str, trained: Sequence[TrainedClassifier]
) -> str | TrainedClassifier | None:
    name, identifier = section.text("classifierName"), section.text("classifierId")
    version = section.text("version")
    section.known("parameters")
    if not name and not identifier:
        section.refuse(50002, "Give the model a classifierName or a classifierId.")
    elif identifier and not _is_uuid(identifier):
        section.refuse(50003, "A classifierId is a UUID.", "classifierId")
    elif found := _available(catalogue.CLASSIFIERS, name or identifier or "", language):
        return found.name
    elif versions := [one for one in trained if _is_meant(one, name or identifier or "")]:
        return _version(section, versions, version)
    else:
        message = f"The classifier ({name or identifier}) is not available in {language}, and is left out."
        section.notes.doubt(50001, message, section.place)
    return None


def _is_meant(classifier: TrainedClassifier, name_or_id: str) -> bool:
    wanted = name_or_id.strip().lower()
    return wanted in {classifier.name.lower(), str(classifier.classifier_id)}


def _version(
    section: Section, versions: Sequence[TrainedClassifier], wanted: str | None
) -> TrainedClassifier | None:
    """The newest unless another one is asked for; "2.0" is 2."""
    if wanted is None:
        return versions[0]
    number = wanted.strip().removesuffix(".0")
    for one in versions:
        if str(one.version) == number:
            return one
    there = ", ".join(str(one.version) for one in versions)
    message = f"The classifier ({versions[0].name}) has no version ({wanted}) that is ready; it has {there}."
    section.notes.doubt(50001, message, section.at("version"))
    return None


def _detector(section: Section, language: str) -> DetectorRequest | None:
    name, identifier = section.text("detectorName"), section.text("detectorId")
    section.known("version")
    level = _level(section)
    redactor = _redactor(section.section("redactor")) if "redactor" in section else None
    if not name and not identifier:
        section.refuse(50004, "Give the detector a detectorName or a detectorId.")
    elif identifier and not _is_uuid(identifier):
        section.refuse(50005, "A detectorId is a UUID.", "detectorId")
    elif found := _available(catalogue.DETECTORS, name or identifier or "", language):
        return DetectorRequest(found.name, level, redactor)
    else:
        message = f"The detector ({name or identifier}) is not available in {language}."
        section.refuse(50006, message, "detectorName" if name else "detectorId")
    return None


def _available(models: tuple[Model, ...], name_or_id: str, language: str) -> Model | None:
    found = catalogue.find(models, name_or_id.strip())
    return found if found and language.startswith(found.languages) else None


def _level(section: Section) -> DetectionLevel:
    level = DetectionLevel.ENTIRE_REGION
    for parameter in section.sections("parameters"):
        name = parameter.text("parameter") or parameter.text("name") or ""
        if name.lower() in _LEVEL_NAMES:
            level = parameter.choice("value", DetectionLevel, 10007) or level
        else:
            parameter.known("value")
            message = f"The detector's parameter ({name}) is unknown, and was ignored."
            parameter.notes.doubt(10008, message, parameter.place)
    return level


def _redactor(section: Section) -> Redactor:
    transcript, audio = section.section("transcript"), section.section("audio")
    replacement, tone = transcript.text("replacement"), audio.whole("tone")
    gain = audio.number("gain")
    if "transcript" not in section and "audio" not in section:
        section.refuse(50007, "A redactor needs transcript or audio.")
    if "transcript" in section and replacement is None:
        transcript.refuse(50008, "Transcript redaction needs a replacement.")
    if "audio" in section:
        _require_tone(audio, tone, gain)
    return Redactor(replacement, tone, Redactor().gain if gain is None else gain)


def _require_tone(audio: Section, tone: int | None, gain: float | None) -> None:
    if tone is None:
        audio.refuse(50008, "Audio redaction needs a tone, in Hz.")
    elif not 0 <= tone <= 20_000:
        audio.refuse(50008, "The tone is a frequency from 0 to 20000 Hz.", "tone")
    if gain is not None and not 0 <= gain <= 1:
        audio.refuse(50008, "The gain is a number from 0 to 1.", "gain")


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
