"""VoiceBase's language codes, and what of them a model understands."""

from collections.abc import Mapping, Sequence

from callpost.errors import Problem, UnreadableRecording

_SAME_LANGUAGE = {"nb": "no", "iw": "he", "in": "id"}


def chosen(language: str, models: Mapping[str, str], otherwise: str) -> str:
    """The operator's model for a language: that of "es-MX" goes before that of "es"."""
    return models.get(language) or models.get(language.partition("-")[0]) or otherwise


def whisper_code(language: str, supported: Sequence[str], model: str) -> str:
    """Whisper's code for a language of the configuration ("en-UK" is "en" to it).

    Raises UnreadableRecording with 10401 where the model knows English alone, with 10601 where the language
    is none that Whisper knows.
    """
    code = language.replace("_", "-").split("-", 1)[0].lower()
    code = _SAME_LANGUAGE.get(code, code)
    if code in supported:
        return code
    if len(supported) == 1:
        message = (
            f"The language {language} is not supported by the speech model {model}: it knows English alone."
        )
        raise UnreadableRecording(Problem(10401, message, "speechModel.language"))
    raise UnreadableRecording(
        Problem(10601, f"The language {language} is not supported.", "speechModel.language")
    )
