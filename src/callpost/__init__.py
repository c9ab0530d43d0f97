"""callpost: call recordings in over the VoiceBase v3 API, results out into the customer's own bucket."""

__version__ = "0.1.0"
