"""What POST /v3/definition/prediction/classifiers asks for: a classifier to be trained from examples.

VoiceBase trained classifiers by hand and has no codes for this; 80400 to 80406 continue its definitions.
"""

from uuid import UUID

from callpost.analysis import catalogue, examples
from callpost.api.reading.document import Kind, Notes, Section, parse, without_blanks
from callpost.errors import Problem, Rejected
from callpost.model.classifiers import Example, TrainingRequest

LARGEST_BODY = 32 * 1024 * 1024
"""In bytes: room for all the words that can be learned from."""

_CLASSIFIER = Kind("classifier", 80400, 80400)
_BAD_NAME = 80401
_LONGEST_NAME = 128
_LONGEST_DESCRIPTION = 2000
_LONGEST_LABEL = 64


def read(body: bytes) -> TrainingRequest:
    """Raises Rejected with 80400 to 80406, each with its place (`examples[3].label`)."""
    document = without_blanks(parse(body, _CLASSIFIER))
    if not document:
        raise Rejected(Problem(80400, "The request has no classifier."))
    notes = Notes(_CLASSIFIER)
    section = notes.open(document, "")
    name = _name(section)
    request = TrainingRequest(
        name,
        _text(section, "classifierDisplayName", _LONGEST_NAME) or name,
        _text(section, "classifierDescription", _LONGEST_DESCRIPTION),
        tuple(_example(item) for item in section.sections("examples")),
    )
    if not notes.problems:
        notes.problems += examples.check_labels([example.label for example in request.examples])
        notes.problems += examples.check_texts([example.transcript for example in request.examples])
    notes.settle()
    return request


def _name(section: Section) -> str:
    name = _text(section, "classifierName", _LONGEST_NAME)
    if not name:
        section.refuse(_BAD_NAME, "Give the classifier a classifierName.", "classifierName")
    elif catalogue.find(catalogue.CLASSIFIERS, name):
        message = f"The classifier ({name}) comes with callpost. Choose another name."
        section.refuse(_BAD_NAME, message, "classifierName")
    elif _uuid(name):
        section.refuse(_BAD_NAME, "A UUID is an id; give the classifier a name.", "classifierName")
    return name


def _text(section: Section, name: str, longest: int) -> str:
    text = (section.text(name) or "").strip()
    if len(text) > longest:
        section.refuse(_BAD_NAME, f"This has {longest} characters at most.", name)
    return text


def _example(section: Section) -> Example:
    label = (section.text("label") or "").strip()
    transcript, media = section.text("transcript"), section.text("mediaId")
    media_id = _uuid(media.strip()) if media else None
    if not 0 < len(label) <= _LONGEST_LABEL:
        message = f"An example needs a label of 1 to {_LONGEST_LABEL} characters."
        section.refuse(examples.BAD_EXAMPLE, message, "label")
    if (transcript is None) == (media is None):
        section.refuse(examples.BAD_EXAMPLE, "An example has either a mediaId or a transcript.")
    elif media and media_id is None:
        section.refuse(examples.BAD_EXAMPLE, "A mediaId is a UUID.", "mediaId")
    return Example(label, transcript, media_id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
