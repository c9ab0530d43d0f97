"""prediction: classifiers, detectors, redactors (docs/how-to-guides/predictions.md, pci-ssn-pii-*.md)."""

from uuid import UUID

from callpost.api.reading.document import Section
from callpost.model.configuration import DetectionLevel, DetectorRequest, Redactor

DETECTORS = ("PCI", "SSN", "Number", "PCI-Spanish", "SSN-Spanish")

# HTG:pci calls the parameter detectionLevel in its examples and detectorLevel in its text.
_LEVEL_NAMES = ("detectionlevel", "detectorlevel")


def classifiers(section: Section) -> tuple[str, ...]:
    """The classifiers asked for, each by its name or else its id."""
    named = (_classifier(item) for item in section.sections("classifiers"))
    return tuple(name for name in named if name)


def detectors(section: Section) -> tuple[DetectorRequest, ...]:
    requests = (_detector(item) for item in section.sections("detectors"))
    return tuple(request for request in requests if request)


def _classifier(section: Section) -> str | None:
    name, identifier = section.text("classifierName"), section.text("classifierId")
    section.known("version", "parameters")
    if not name and not identifier:
        section.refuse(50002, "Give the model a classifierName or a classifierId.")
    if identifier and not _is_uuid(identifier):
        section.refuse(50003, "A classifierId is a UUID.", "classifierId")
    return name or identifier


def _detector(section: Section) -> DetectorRequest | None:
    name, identifier = section.text("detectorName"), section.text("detectorId")
    section.known("version")
    level = _level(section)
    redactor = _redactor(section.section("redactor")) if "redactor" in section else None
    if not name and not identifier:
        section.refuse(50004, "Give the detector a detectorName or a detectorId.")
        return None
    if identifier and not name:
        code = 50006 if _is_uuid(identifier) else 50005
        section.refuse(code, "There is no detector of this id; name it by its detectorName.", "detectorId")
        return None
    known = _known_detector(name or "")
    if known is None:
        message = f"The detector ({name}) is not available. There are {', '.join(DETECTORS)}."
        section.refuse(50006, message, "detectorName")
        return None
    return DetectorRequest(known, level, redactor)


def _known_detector(name: str) -> str | None:
    return next((known for known in DETECTORS if known.lower() == name.strip().lower()), None)


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
