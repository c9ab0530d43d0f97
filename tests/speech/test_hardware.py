"""Where a model runs: what does not fit is said by the name of the setting."""

from pathlib import Path

import ctranslate2
import pytest

from callpost.errors import ConfigurationProblem
from callpost.speech import hardware, languages, models
from callpost.speech.hardware import Hardware

pytestmark = pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU here")


@pytest.fixture(scope="module")
def tiny(models_folder: Path) -> Path:
    return models.locate("tiny.en", models_folder)


@pytest.mark.parametrize("compute_type", ["int8", "float16"])
def test_auto_without_a_gpu_is_the_processor_with_a_type_it_knows(tiny: Path, compute_type: str) -> None:
    loaded = hardware.load(tiny, Hardware("auto", compute_type, 1))
    assert loaded.model.device == "cpu"
    assert loaded.model.compute_type.startswith("int8")


def test_a_type_that_the_processor_does_not_know_is_named_with_those_it_does(tiny: Path) -> None:
    with pytest.raises(ConfigurationProblem, match=r"CALLPOST_COMPUTE_TYPE=float16 .* float32, int8"):
        hardware.load(tiny, Hardware("cpu", "float16", 1))


def test_a_gpu_that_is_not_there_is_named(tiny: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="CALLPOST_DEVICE=cuda"):
        hardware.load(tiny, Hardware("cuda", "int8", 1))


def test_the_model_of_a_region_goes_before_that_of_its_language() -> None:
    own = {"es": "base", "es-MX": "mexican"}
    assert languages.chosen("es-MX", own, "tiny.en") == "mexican"
    assert languages.chosen("es-ES", own, "tiny.en") == "base"
    assert languages.chosen("fr-FR", own, "tiny.en") == "tiny.en"
