import pytest
from spoken_calls import Say, spoken


@pytest.fixture
def say() -> Say:
    return spoken
