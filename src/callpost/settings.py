"""The operator's settings, from the environment. callpost.example.env documents every one of them."""

import os
import re
import ssl
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from callpost import network
from callpost.delivery import object_key
from callpost.delivery.aws import AwsEndpoints
from callpost.delivery.courier import CourierSettings
from callpost.errors import ConfigurationProblem
from callpost.model.delivery import EndpointPolicy, RetrySchedule
from callpost.speech import models

_MEBIBYTE = 1024 * 1024
_PREFIX = "CALLPOST_"
_LANGUAGE = re.compile("[a-z]{2}(-[A-Z]{2})?")

List = Annotated[tuple[str, ...], NoDecode]
Numbers = Annotated[tuple[int, ...], NoDecode]
Models = Annotated[dict[str, str], NoDecode]
ComputeType = Literal[
    "auto",
    "default",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
    "int16",
    "float16",
    "bfloat16",
    "float32",
]


def _default_data() -> Path:
    # Root's home is closed to the user that the embedded PostgreSQL must run under.
    return Path("/var/lib/callpost") if os.geteuid() == 0 else user_data_path("callpost")


def _standard_otlp_endpoint() -> str | None:
    return os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None


class Settings(BaseSettings):
    """Everything an operator can decide. Times in seconds, sizes in bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    data: Path = Field(default_factory=_default_data)
    database_url: str | None = Field(default=None, repr=False)
    database_connections: int = Field(default=10, ge=2, le=500)
    objects_url: str | None = None
    postgres_user: str | None = None

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    api_url: str | None = None
    strict: bool = False
    max_upload_bytes: int = Field(default=2048 * _MEBIBYTE, ge=1)

    model: str = "base"
    models_by_language: Models = Field(default_factory=dict)
    models_allowed: List = ()
    models: Path | None = None
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    compute_type: ComputeType = "int8"
    recognition_threads: int = Field(default=0, ge=0)
    recordings_at_once: int = Field(default=2, ge=1, le=64)

    receipts: bool = False
    key_template: str = object_key.DEFAULT_TEMPLATE
    retry_slots_s: Numbers = RetrySchedule().slots_s
    retry_tries_per_slot: int = Field(default=RetrySchedule().tries_per_slot, ge=1, le=100)
    retry_strict: bool = False
    deliveries_at_once: int = Field(default=64, ge=1, le=1000)
    deliveries_per_destination: int = Field(default=8, ge=1, le=1000)

    s3_endpoints: List = ()
    sts_endpoint: str | None = None
    aws_account_id: str | None = Field(default=None, pattern=r"^\d{12}$")
    check_roles: bool = True
    allow_http: bool = False
    allow_private_networks: bool = False
    allowed_ports: Numbers = (80, 443, 8080, 8443)
    accept_untyped: bool = False
    ca_bundle: Path | None = None

    metrics_port: int = Field(default=0, ge=0, le=65535)
    otlp_endpoint: str | None = Field(default_factory=_standard_otlp_endpoint, pattern="^https?://")
    stop_grace_s: float = Field(default=20, ge=0, le=3600)

    @field_validator("s3_endpoints", "models_allowed", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the environment holds
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("models_by_language", mode="before")
    @classmethod
    def _split_pairs(cls, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return {language.strip(): model.strip() for language, _, model in pairs}

    @field_validator("models_by_language")
    @classmethod
    def _check_models(cls, value: dict[str, str]) -> dict[str, str]:
        for language, model in value.items():
            if not _LANGUAGE.fullmatch(language) or not model:
                raise ValueError(f"{language}={model} is not of the form LANGUAGE=MODEL, as es=base")
            if model.endswith(".en") and not language.startswith("en"):
                raise ValueError(f"{language}={model}: {model} knows English alone")
        return value

    @field_validator("retry_slots_s", "allowed_ports", mode="before")
    @classmethod
    def _split_numbers(cls, value: Any) -> Any:  # noqa: ANN401
        return (
            tuple(int(part) for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        )

    @field_validator("key_template")
    @classmethod
    def _check_template(cls, value: str) -> str:
        object_key.check(value)
        return value

    @field_validator("ca_bundle")
    @classmethod
    def _check_authorities(cls, value: Path | None) -> Path | None:
        try:
            if value is not None:
                network.tls_context(value)
        except OSError as error:
            # An SSLError is one too, and says no more than that there is no certificate.
            reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise ValueError(f"{value} cannot be used: {reason}") from None
        return value

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """How the servers that callpost speaks to are verified; None: by the system's authorities."""
        return network.tls_context(self.ca_bundle) if self.ca_bundle else None

    @cached_property
    def objects(self) -> str:
        """Where recordings and reports are kept."""
        return self.objects_url or str(self.data / "objects")

    @cached_property
    def public_url(self) -> str:
        """The address in links and in what is delivered, without a slash at its end."""
        return (self.api_url or f"http://{self.host}:{self.port}").rstrip("/")

    @cached_property
    def models_offered(self) -> frozenset[str] | None:
        """The recognition models that a configuration may ask for by name; None: any."""
        if "*" in self.models_allowed:
            return None
        own = (self.model, *self.models_by_language.values())
        return frozenset(self.models_allowed or (*models.PACKAGED, *own))

    @cached_property
    def models_folder(self) -> Path:
        """Where recognition models are kept."""
        return self.models or self.data / "models"

    @cached_property
    def policy(self) -> EndpointPolicy:
        """Where deliveries may go and recordings be fetched from."""
        return EndpointPolicy(
            allow_http=self.allow_http,
            allow_private_networks=self.allow_private_networks,
            allowed_ports=None if 0 in self.allowed_ports else frozenset(self.allowed_ports),
            s3_endpoints=self.s3_endpoints,
            accept_untyped=self.accept_untyped,
        )

    @cached_property
    def courier(self) -> CourierSettings:
        """How deliveries are made."""
        endpoints = AwsEndpoints()
        if self.sts_endpoint:
            endpoints = AwsEndpoints(sts=self.sts_endpoint, sts_trusted=True)
        return CourierSettings(
            self.policy,
            self.public_url,
            endpoints,
            check_roles=self.check_roles,
            account_id=self.aws_account_id,
        )

    @cached_property
    def schedule(self) -> RetrySchedule:
        """When a delivery that failed is tried again."""
        return RetrySchedule(self.retry_slots_s, self.retry_tries_per_slot, self.retry_strict)


def load(**given: Any) -> Settings:  # noqa: ANN401 - each field has a type of its own
    """Read the environment; `given` wins over it, None meaning not given.

    Raises ConfigurationProblem naming the variable that is wrong.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise ConfigurationProblem("; ".join(_explain(line) for line in error.errors())) from None


def _explain(line: Any) -> str:  # noqa: ANN401 - pydantic's own dictionary
    name = "_".join(str(part) for part in line["loc"])
    return f"{_PREFIX}{name.upper()}: {line['msg']}"
